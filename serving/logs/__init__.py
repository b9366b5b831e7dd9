"""What the API writes down: the log and the sample of served lists."""
