"""What lies in Redis: every key, and the codec of every value."""
