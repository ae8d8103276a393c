"""Delete their data: look at what would go, ask for it, approve it, erase, prove it, hand out the receipt."""
