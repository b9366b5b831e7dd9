"""What a run tells Comet, online or into archives."""
