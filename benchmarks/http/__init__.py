"""What the API is asked with, and the least that could answer instead."""
