"""What a large shop costs: single stages, each beside the fastest that is known."""
