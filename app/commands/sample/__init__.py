"""The sample: a made-up shop with a website, its visitors, and mappings for both, the same at every run."""
