"""What a parser says of the statements of a mapping; it works in a process of its own."""
