"""The command `dossier`: what an administrator does at a terminal, over the HTTP API alone."""
