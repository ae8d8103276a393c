"""Which databases a test is run on: the newest PostgreSQL always, the oldest that is served by `make test-all`."""

import pytest

POSTGRESQL = (pytest.param("postgres_16", marks=pytest.mark.everywhere), "postgres_18")
EACH = ("sqlite", *POSTGRESQL)
