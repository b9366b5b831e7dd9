"""Where Redis is: the one of REDIS_URL, or the embedded one."""
