"""Whether an archive is what its manifest says: read as anybody would read it who was handed it."""
