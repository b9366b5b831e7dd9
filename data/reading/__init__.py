"""What a user's raw file is, read as a table of text: bytes, archive, encoding, separator, columns, dates, numbers."""
