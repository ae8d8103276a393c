"""What is true of archives in a directory alone."""

import resource
from pathlib import Path

import pytest

from app.kit.threads import Threads
from app.storage.local import LocalStore
from app.storage.port import ArchiveStore, StoreUnavailable
from tests.contract.test_storage import KEY, chunks


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    (tmp_path / "archives").mkdir()
    return LocalStore(tmp_path / "archives", Threads())


async def test_a_store_that_is_full_in_the_middle_keeps_no_half_archive(store: LocalStore, tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk; Python ignores the signal that comes with it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(StoreUnavailable):
            await store.put(KEY, chunks())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert await store.put(KEY, chunks()) == 100_000


async def test_a_deletion_takes_along_what_a_killed_attempt_left(store: LocalStore, tmp_path: Path) -> None:
    await store.put(KEY, chunks())
    (tmp_path / "archives" / f"{KEY}.part").write_bytes(b"what a killed attempt left")
    await store.delete(KEY)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_archives_are_for_their_owner_alone(store: LocalStore, tmp_path: Path) -> None:
    await store.put(KEY, chunks())
    assert (tmp_path / "archives" / KEY).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "archives" / "acme").stat().st_mode & 0o777 == 0o700


async def test_a_directory_hands_out_no_links(store: LocalStore) -> None:
    as_any: ArchiveStore = store
    assert await as_any.presigned(KEY, "export.zip", 60) is None
