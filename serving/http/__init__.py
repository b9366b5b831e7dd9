"""The routes of the API, what they answer, and what surrounds them."""
