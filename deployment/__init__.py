"""What a person does before deploying; imports no other room, and needs only Python's standard library."""
