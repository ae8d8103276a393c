"""One sample for all who only look at it: making it takes seconds."""

import pytest

from tests.sample import Place, place


@pytest.fixture(scope="session")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Place:
    where = place(tmp_path_factory.mktemp("sample") / "a folder")
    assert where.run("demo", "--identifier", "nobody@example.com").returncode == 0
    return where
