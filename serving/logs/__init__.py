"""What is written down of requests: the log and the sample."""
