"""Whether the service works, for whoever operates it."""
