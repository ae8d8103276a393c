"""Where archives lie until they expire."""
