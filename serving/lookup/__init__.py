"""What is served: versions, lists, rules and variants, read from Redis."""
