"""Lookups: versions, lists, rules and variants, read from Redis."""
