"""Measurements beside floors, in one run; never tests."""
