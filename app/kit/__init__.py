"""Tools that know nothing of visitors."""
