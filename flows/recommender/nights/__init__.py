"""One night after the other: when they come, how they went, and who is told."""
