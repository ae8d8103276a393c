"""Who is it: from a typed identifier to candidates, grouped by data source."""
