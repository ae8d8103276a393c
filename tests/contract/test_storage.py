"""The archive store: all of an archive, or nothing."""

import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.storage.local import LocalStore
from app.storage.port import ArchiveMissing, ArchiveStore, StoreUnavailable

KEY = "acme/0123456789abcdef.zip"


@pytest.fixture
def store(tmp_path: Path) -> ArchiveStore:
    (tmp_path / "archives").mkdir()
    return LocalStore(tmp_path / "archives")


async def whole(store: ArchiveStore, start: int = 0, end: int = 1 << 20) -> bytes:
    return b"".join([chunk async for chunk in store.read(KEY, start, end)])


def chunks(error: Exception | None = None) -> Iterator[bytes]:
    yield from (bytes([number]) * 1000 for number in range(100))
    if error:
        raise error


async def test_what_was_put_is_read_whole_and_in_part(store: ArchiveStore) -> None:
    assert await store.put(KEY, chunks()) == 100_000
    assert await whole(store, 0, 100_000) == b"".join(chunks())
    assert await whole(store, 999, 1001) == b"\x00\x01"


async def test_an_error_of_the_stream_comes_out_and_nothing_is_stored(store: ArchiveStore, tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="the source broke"):
        await store.put(KEY, chunks(LookupError("the source broke")))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    with pytest.raises(ArchiveMissing):
        await whole(store)


async def test_a_store_that_is_full_in_the_middle_keeps_no_half_archive(store: ArchiveStore, tmp_path: Path) -> None:
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


async def test_a_deletion_is_repeatable_and_takes_leftovers_along(store: ArchiveStore, tmp_path: Path) -> None:
    await store.put(KEY, chunks())
    (tmp_path / "archives" / f"{KEY}.part").write_bytes(b"what a killed attempt left")
    for _ in range(2):
        await store.delete(KEY)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def test_archives_are_for_their_owner_alone(store: ArchiveStore, tmp_path: Path) -> None:
    await store.put(KEY, chunks())
    assert (tmp_path / "archives" / KEY).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "archives" / "acme").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.put(KEY, chunks()),
        lambda store: store.delete(KEY),
        lambda store: store.check(),
        whole,
    ],
)
async def test_a_store_that_vanished_is_unavailable_and_not_made_anew(
    store: ArchiveStore, tmp_path: Path, use: Callable[[ArchiveStore], object]
) -> None:
    (tmp_path / "archives").rename(tmp_path / "away")
    with pytest.raises(StoreUnavailable):
        await use(store)  # type: ignore[misc]
    assert not (tmp_path / "archives").exists()


async def test_an_attempt_whose_leftovers_were_taken_cannot_finish(store: ArchiveStore) -> None:
    """A worker that was thought dead wakes up after the next attempt has begun."""

    def overtaken() -> Iterator[bytes]:
        yield b"first"
        (part,) = Path(store._folder).rglob("*.part")  # type: ignore[attr-defined]
        part.unlink()
        yield b"second"

    with pytest.raises(StoreUnavailable):
        await store.put(KEY, overtaken())
    with pytest.raises(ArchiveMissing):
        await whole(store)
