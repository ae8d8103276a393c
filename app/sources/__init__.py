"""Where visitors' data lives: mappings onto other people's databases, read-only."""
