"""Append-only facts of what was done, by whom and when."""
