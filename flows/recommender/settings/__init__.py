"""What each setting may be, and a settings file checked against it."""
