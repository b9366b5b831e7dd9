"""What changes from one night to the next, measured."""
