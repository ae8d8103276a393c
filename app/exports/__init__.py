"""Take their data out: from a chosen candidate to an archive, its download and its end."""
