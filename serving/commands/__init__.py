"""What a person does from the terminal: look lists up, change rules and variants."""
