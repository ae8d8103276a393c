"""The archive store: all of an archive, or nothing. The same on a directory and on an S3-compatible store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from app.kit.threads import Threads
from app.storage.local import LocalStore
from app.storage.port import ArchiveMissing, ArchiveStore, StoreUnavailable
from app.storage.s3 import Bucket, S3Store
from tests.servers import SeaweedFS, free_port

KEY = "acme/0123456789abcdef.zip"
SIZES = [1, 100_000, 8 << 20, (8 << 20) + 1, 20 << 20]


class Place:
    """A store, and an independent look at what lies in it."""

    def __init__(self, store: ArchiveStore, left: Callable[[], list[str]]) -> None:
        self.store, self.left = store, left


@asynccontextmanager
async def place(request: pytest.FixtureRequest, kind: str, folder: Path) -> AsyncIterator[Place]:
    if kind == "directory":
        archives = folder / "archives"
        archives.mkdir()
        yield Place(LocalStore(archives, Threads()), lambda: [str(one) for one in archives.rglob("*") if one.is_file()])
        return
    server: SeaweedFS = request.getfixturevalue("seaweedfs")
    bucket = Bucket(f"b{uuid4().hex}", server.url, access_key=server.access_key, secret_key=server.secret_key)
    store = S3Store(bucket, Threads())
    await store.prepare()
    yield Place(store, lambda: server.stored(bucket.name))
    await store.close()


on_both = pytest.mark.parametrize("kind", ["directory", "s3"])


async def whole(store: ArchiveStore, start: int = 0, end: int = 1 << 20) -> bytes:
    return b"".join([chunk async for chunk in store.read(KEY, start, end)])


def chunks(error: Exception | None = None, size: int = 100_000) -> Iterator[bytes]:
    """Bytes that differ from place to place, in pieces of uneven length."""
    left, number = size, 0
    while left:
        piece = (number.to_bytes(4, "big") * 9001)[: min(left, 9001 + number % 90_000)]
        left, number = left - len(piece), number + 1
        yield piece
    if error:
        raise error


@on_both
@pytest.mark.parametrize("size", SIZES)
async def test_what_was_put_is_read_whole_and_in_part(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, size: int
) -> None:
    async with place(request, kind, tmp_path) as at:
        expected = b"".join(chunks(size=size))
        assert await at.store.put(KEY, chunks(size=size)) == size == len(expected)
        assert await whole(at.store, 0, size) == expected
        assert await whole(at.store, size // 2, size // 2 + 1) == expected[size // 2 : size // 2 + 1]
        assert await whole(at.store, size - 1, size) == expected[-1:]
        assert len(at.left()) == 1


@on_both
@pytest.mark.parametrize("size", [100_000, 20 << 20])
async def test_an_error_of_the_stream_comes_out_and_nothing_is_stored(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, size: int
) -> None:
    async with place(request, kind, tmp_path) as at:
        with pytest.raises(LookupError, match="the source broke"):
            await at.store.put(KEY, chunks(LookupError("the source broke"), size))
        assert at.left() == []
        with pytest.raises(ArchiveMissing):
            await whole(at.store)


@on_both
async def test_a_deletion_is_repeatable_and_leaves_other_archives_alone(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    async with place(request, kind, tmp_path) as at:
        await at.store.put(KEY, chunks())
        await at.store.put(KEY + "2", chunks())
        for _ in range(2):
            await at.store.delete(KEY)
        assert [one.rpartition("/")[2] for one in at.left()] == [KEY.rpartition("/")[2] + "2"]


@on_both
async def test_an_attempt_whose_leftovers_were_taken_cannot_finish(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """A worker that was thought dead wakes up after the next attempt has begun."""
    async with place(request, kind, tmp_path) as at:
        loop = asyncio.get_running_loop()

        def overtaken() -> Iterator[bytes]:
            yield from chunks(size=9 << 20)
            asyncio.run_coroutine_threadsafe(at.store.delete(KEY), loop).result()
            yield from chunks(size=9 << 20)

        with pytest.raises(StoreUnavailable):
            await at.store.put(KEY, overtaken())
        assert at.left() == []
        with pytest.raises(ArchiveMissing):
            await whole(at.store)


@on_both
async def test_the_event_loop_goes_on_while_the_store_works(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    async with place(request, kind, tmp_path) as at:
        longest, now = 0.0, asyncio.get_running_loop().time
        busy = asyncio.create_task(at.store.put(KEY, chunks(size=64 << 20)))
        while not busy.done():
            before = now()
            await asyncio.sleep(0.001)
            longest = max(longest, now() - before)
        assert busy.result() == 64 << 20
        assert longest < 0.5


Use = Callable[[ArchiveStore], Awaitable[object]]
USES: list[Use] = [
    lambda store: store.put(KEY, chunks()), lambda store: store.delete(KEY), lambda store: store.check(), whole,
]  # fmt: skip
uses = pytest.mark.parametrize("use", USES)


@uses
async def test_a_directory_that_vanished_is_unavailable_and_not_made_anew(tmp_path: Path, use: Use) -> None:
    (tmp_path / "archives").mkdir()
    store = LocalStore(tmp_path / "archives", Threads())
    (tmp_path / "archives").rename(tmp_path / "away")
    with pytest.raises(StoreUnavailable):
        await use(store)
    assert not (tmp_path / "archives").exists()


# SeaweedFS makes a bucket by itself when something is put there; others refuse.
@pytest.mark.parametrize("use", USES[1:])
async def test_a_bucket_that_vanished_is_unavailable_and_not_made_anew(
    request: pytest.FixtureRequest, tmp_path: Path, seaweedfs: SeaweedFS, use: Use
) -> None:
    async with place(request, "s3", tmp_path) as at:
        bucket = at.store._bucket  # type: ignore[attr-defined]
        seaweedfs.client().remove_bucket(bucket)
        with pytest.raises(StoreUnavailable):
            await use(at.store)
        assert not seaweedfs.client().bucket_exists(bucket)


@uses
@pytest.mark.parametrize("wrong", ["nobody listens", "another secret", "no credentials"])
async def test_a_store_that_does_not_answer_or_refuses_is_unavailable(
    seaweedfs: SeaweedFS, use: Use, wrong: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "MINIO_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    # The chain's last link asks the network who this machine is; here it is told where to ask.
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"http://127.0.0.1:{free_port()}/")
    monkeypatch.setenv("HOME", str(tmp_path))
    endpoint = f"http://127.0.0.1:{free_port()}" if wrong == "nobody listens" else seaweedfs.url
    keys = (None, None) if wrong == "no credentials" else (seaweedfs.access_key, "wrong" * 8)
    store = S3Store(Bucket("bucket", endpoint, access_key=keys[0], secret_key=keys[1]), Threads())
    with pytest.raises(StoreUnavailable):
        await use(store)
    await store.close()
