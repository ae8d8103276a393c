"""Dossier: everything that a site has collected about one visitor, as an archive for that person."""
