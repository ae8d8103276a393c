"""The administrator's page: static files and their sign-in, a client of the public API like any other."""
