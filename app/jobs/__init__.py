"""Leased work of any kind: taken up fairly, kept by a heartbeat, tried again, and never lost with its process."""
