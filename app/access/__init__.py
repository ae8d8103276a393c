"""Who may do what, in which data center, and how much of it."""
