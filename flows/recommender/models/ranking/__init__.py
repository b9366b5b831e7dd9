"""Rankers: what they learn from, the kinds there are, and how each is fitted, saved and read back."""
