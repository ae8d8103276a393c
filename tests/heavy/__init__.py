"""What takes minutes: run by make heavy, not by make test."""
