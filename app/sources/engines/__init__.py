"""The kinds of databases that data sources live in, each an engine over one base."""
