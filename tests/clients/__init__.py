"""What people and programs do with the service from outside: at a terminal, from a page of ours, by a client."""
