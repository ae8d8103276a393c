"""The bell that wakes whoever compiles archives."""
