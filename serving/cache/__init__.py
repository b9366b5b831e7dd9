"""Every key in Redis, and the codec of every value."""
