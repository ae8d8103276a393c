"""The main job on sample data."""
def add_arguments(p): pass
def run(a): return 0
