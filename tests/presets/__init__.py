"""What databases of well-known products look like, for the tests of their presets."""
