"""Seals, ids, pipes, threads and safe log lines."""

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from app.kit.clock import rfc3339
from app.kit.identity import uuid7
from app.kit.logs import whereabouts
from app.kit.pipe import Closed, Pipe
from app.kit.seal import Hashes, Keyring, SealBroken, SealKeyUnknown
from app.kit.threads import Threads

NOW = datetime(2026, 11, 23, 16, tzinfo=UTC)
OLD, NEW = "an old secret of the tests, long enough", "a new secret of the tests, long enough"


def test_a_token_opens_for_its_purpose_and_age_and_no_other() -> None:
    ring = Keyring(NEW)
    token = ring.seal("candidate", b"content", NOW)
    later = NOW + timedelta(minutes=15)
    assert ring.open("candidate", token, later, timedelta(minutes=15)) == b"content"
    for purpose, moment in (("choice", NOW), ("candidate", later + timedelta(milliseconds=1))):
        with pytest.raises(SealBroken):
            ring.open(purpose, token, moment, timedelta(minutes=15))
    assert "content" not in token
    assert token != ring.seal("candidate", b"content", NOW)


def test_a_token_from_the_future_is_none_but_for_what_the_clocks_of_two_machines_may_differ() -> None:
    ring = Keyring(NEW)
    far, near = (ring.seal("candidate", b"content", NOW + timedelta(seconds=ahead)) for ahead in (11, 9))
    with pytest.raises(SealBroken):
        ring.open("candidate", far, NOW, timedelta(minutes=15))
    assert ring.open("candidate", near, NOW, timedelta(minutes=15)) == b"content"


def test_a_rotated_secret_still_opens_and_a_forgotten_one_does_not() -> None:
    token = Keyring(OLD).seal("choice", b"content", NOW)
    assert Keyring(NEW, OLD).open("choice", token, NOW) == b"content"
    with pytest.raises(SealKeyUnknown):
        Keyring(NEW).open("choice", token, NOW)


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 200, "AAAA\n"])
def test_what_is_no_token_is_broken(token: str) -> None:
    with pytest.raises(SealBroken):
        Keyring(NEW).open("choice", token, NOW)


def test_a_fingerprint_is_the_same_for_the_same_and_names_its_key() -> None:
    first, again, other = (Hashes([b"new"]).one("handle", text) for text in (b"a", b"a", b"b"))
    assert first == again != other
    assert Hashes([b"old"]).one("handle", b"a").key_id != first.key_id
    assert Hashes([b"new"]).one("subject", b"a").digest != first.digest


def test_ids_are_version_7_and_sort_by_time() -> None:
    made = [uuid7(NOW + timedelta(milliseconds=number)) for number in range(50)]
    assert made == sorted(made)
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}
    assert made[0].int >> 80 == int(NOW.timestamp() * 1000)


def test_times_are_written_in_utc_with_a_z() -> None:
    assert rfc3339(datetime.fromisoformat("2026-11-23T17:00:00.5+01:00")) == "2026-11-23T16:00:00.500000Z"
    assert rfc3339(NOW) == "2026-11-23T16:00:00Z"


def test_the_whereabouts_of_an_error_name_types_and_places_and_never_its_words() -> None:
    try:
        try:
            int("secret")
        except ValueError as error:
            raise KeyError("secret") from error
    except KeyError as error:
        said = whereabouts(error)
    assert said.startswith("KeyError at test_kit.py:")
    assert " from ValueError at test_kit.py:" in said
    assert "secret" not in said


def test_a_pipe_slows_its_writer_down_to_its_reader() -> None:
    pipe, written = Pipe[int](2), list[int]()

    def write() -> None:
        for number in range(10):
            pipe.put(number, 1)
            written.append(number)
        pipe.end()

    writing = threading.Thread(target=write)
    writing.start()
    time.sleep(0.05)
    assert written == [0, 1]
    assert list(pipe) == list(range(10))
    writing.join()


def test_an_item_heavier_than_all_that_a_pipe_may_hold_still_passes_alone() -> None:
    pipe = Pipe[str](10)

    def write() -> None:
        for one in "abc":
            pipe.put(one, 100)
        pipe.end()

    writing = threading.Thread(target=write)
    writing.start()
    assert list(pipe) == ["a", "b", "c"]
    writing.join()


def test_a_pipe_hands_its_writers_error_to_its_reader_after_the_last_item() -> None:
    pipe = Pipe[int](2)
    pipe.put(1, 1)
    pipe.end(LookupError("the source broke"))
    items = iter(pipe)
    assert next(items) == 1
    with pytest.raises(LookupError):
        next(items)


@pytest.mark.parametrize("waits", ["reader", "writer"])
def test_a_closed_pipe_lets_whoever_waits_go(waits: str) -> None:
    pipe, ended = Pipe[int](1), list[type[BaseException]]()

    def wait() -> None:
        try:
            if waits == "reader":
                list(pipe)
            while waits == "writer":
                pipe.put(1, 1)
        except (Closed, LookupError) as error:
            ended.append(type(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.05)
    pipe.close(LookupError())
    waiting.join(5)
    assert ended == [LookupError if waits == "reader" else Closed]


async def test_a_call_that_hangs_is_left_behind_counted_and_forgotten_when_it_comes_back() -> None:
    threads, gate = Threads(), threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await threads.run(gate.wait, "a test", grace=0.1)
    assert threads.abandoned == 1
    assert await threads.run(lambda: "others go on", "a test") == "others go on"
    gate.set()
    async with asyncio.timeout(5):
        while threads.abandoned:
            await asyncio.sleep(0.01)
    threads.close()


async def test_a_call_that_can_be_stopped_is_stopped_and_its_thread_used_again() -> None:
    threads, gate = Threads(), threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await threads.run(gate.wait, "a test", stop=gate.set)
    assert threads.abandoned == 0
    first = await threads.run(threading.get_ident, "a test")
    assert await threads.run(threading.get_ident, "a test") == first
    with pytest.raises(ValueError, match="invalid literal"):
        await threads.run(lambda: int("no number"), "a test")
    threads.close()
