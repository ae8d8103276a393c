"""Lines of libraries are few, in our format, and quote nothing."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from app.kit.logs import configure

NAMES = [
    "dossier",
    "dossier.wire",
    "uvicorn",
    "asyncio",
    "concurrent.futures",
    "psycopg",
    "opentelemetry",
    "arq",
    "sqlalchemy",
]
SAID = "(and 4711 more like it since the last such line)"


@pytest.fixture(params=["text", "json"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    loggers = [logging.getLogger(name) for name in NAMES]
    before = [(one, one.handlers, one.propagate, one.level) for one in loggers]
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    configure(request.param)
    yield stream
    for logger, handlers, propagate, level in before:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def say(name: str, message: str, *args: object, error: Exception | None = None, seconds: float = 0) -> None:
    """A line at so many seconds."""
    record = logging.LogRecord(
        name, logging.ERROR, __file__, 1, message, args, (type(error), error, error.__traceback__) if error else None
    )
    record.created = 1_000_000 + seconds
    logging.getLogger(name).handle(record)


def lines(written: io.StringIO) -> list[str]:
    return [
        json.loads(one)["message"] if one.startswith("{") else one.split(" ", 3)[3]
        for one in written.getvalue().splitlines()
    ]


def raised(words: str) -> Exception:
    try:
        int(words)
    except ValueError as error:
        return error
    raise AssertionError(words)


@pytest.mark.parametrize("name", ["asyncio", "uvicorn.error", "psycopg", "psycopg.pool", "concurrent.futures"])
def test_a_library_says_the_same_once_a_minute_and_then_how_often(written: io.StringIO, name: str) -> None:
    error = raised("jane@example.com")
    for _ in range(4712):
        say(name, "socket.accept() failed\nsocket: jane@example.com", error=error)
    say(name, "another line")
    say(name, "socket.accept() failed\nsocket: of somebody else", error=error, seconds=61)
    first, other, last = lines(written)
    assert (first, other) == (first.partition("\n")[0], "another line")
    assert first.startswith("socket.accept() failed (ValueError at test_logs.py:")
    assert last == f"{first} {SAID}"


def test_refused_requests_are_told_by_their_problems_and_the_first_with_its_reference(written: io.StringIO) -> None:
    for number in range(50):
        for slug in ("request-timeout", "malformed-request"):
            say("dossier.wire", f"refused as {slug}: %s", f"reference {number}")
    assert lines(written) == ["refused as request-timeout: reference 0", "refused as malformed-request: reference 0"]


def test_errors_and_objects_among_a_lines_values_are_named_by_their_types(written: io.StringIO) -> None:
    say("psycopg", "error ignored in %s on %s: %s", "rollback", ["jane@example.com"], raised("jane@example.com"))
    say("uvicorn.error", 'Traceback (most recent call last):\n  File "x"\nValueError: jane@example.com\n')
    first, second = lines(written)
    assert first.startswith("error ignored in rollback on list: ValueError at test_logs.py:")
    assert second == "ValueError"


def test_lines_of_ever_new_kinds_take_no_memory_and_no_room(written: io.StringIO) -> None:
    for number in range(10_000):
        say("asyncio", f"kind {number}")
    assert 10 < len(lines(written)) < 100
