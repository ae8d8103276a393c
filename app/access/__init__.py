"""Who may do what, in which data center."""
