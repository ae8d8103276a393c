"""Log lines that hold no personal data: what happened and where, never an exception's own words."""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = "dossier"
log = logging.getLogger(ROOT)
# What is said of requests that are none, of which anybody can send any number.
wire_log = logging.getLogger(f"{ROOT}.wire")
# What the task that logs is about; tasks that it begins inherit it.
_about: ContextVar[str] = ContextVar("about", default="")
_SILENT_SECONDS = 60.0
_MOST_KINDS = 64
# Libraries whose lines anybody may provoke from outside, or a part that is away, as often as they like.
_SELDOM = {
    "uvicorn": logging.WARNING,
    "asyncio": logging.WARNING,
    "concurrent.futures": logging.WARNING,
    "psycopg": logging.WARNING,
    "opentelemetry": logging.ERROR,
}


@contextmanager
def about(reference: str) -> Iterator[None]:
    """Every line from within the block bears the reference: a request's own id, or that of an export."""
    token = _about.set(reference)
    try:
        yield
    finally:
        _about.reset(token)


def whereabouts(error: BaseException) -> str:
    """The types of an error and of its causes, with file and line; their messages may quote data."""
    said: list[str] = []
    seen: BaseException | None = error
    while seen is not None:
        frames = traceback.extract_tb(seen.__traceback__)
        at = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
        said.append(f"{type(seen).__name__}{at}")
        seen = seen.__cause__ or seen.__context__
    return " from ".join(said)


def configure(form: str, level: int = logging.INFO) -> None:
    """Writes our lines to standard error, as `text` or `json`, and those of libraries seldom; of the bell's only its
    errors, since a ring that was not heard in time is nothing to tell, and of what sends traces an error now and then.
    What becomes of a broken connection, whoever used it says: the database library's own lines would quote the driver,
    traceback and all."""
    handler, seldom = _handler(form), _handler(form)
    seldom.addFilter(_Seldom())
    for name, least in {ROOT: level, "arq": logging.ERROR, "sqlalchemy": logging.CRITICAL}.items():
        _lead(name, least, handler)
    for name, least in {wire_log.name: level, **_SELDOM}.items():
        _lead(name, least, seldom)


def _handler(form: str) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JsonFormatter() if form == "json" else _TextFormatter("%(asctime)s %(levelname)s %(message)s")
    )
    return handler


def _lead(name: str, least: int, handler: logging.Handler) -> None:
    logger = logging.getLogger(name)
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(least)


@dataclass(slots=True)
class _Kind:
    silent_until: float = 0.0
    left_out: int = 0


class _Seldom(logging.Filter):
    """One line a minute of each kind, without traceback: each batch of traces would say so while their collector is
    away, and each connection while there are no descriptors."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds: dict[tuple[str, str, str], _Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = self._kind_of(record)
        if record.created < kind.silent_until:
            kind.left_out += 1
            return False
        more = f" (and {kind.left_out} more like it since the last such line)" if kind.left_out else ""
        record.msg, record.args = f"{_said(record)}{more}", ()
        record.exc_info = record.exc_text = record.stack_info = None
        kind.silent_until, kind.left_out = record.created + _SILENT_SECONDS, 0
        return True

    def _kind_of(self, record: logging.LogRecord) -> _Kind:
        error = record.exc_info[1] if record.exc_info else None
        key = (record.name, _first_line(record.msg), type(error).__name__)
        if key not in self._kinds and len(self._kinds) >= _MOST_KINDS:
            self._kinds = {one: kind for one, kind in self._kinds.items() if kind.silent_until > record.created}
        if key not in self._kinds and len(self._kinds) >= _MOST_KINDS:
            key = (record.name, "", "")
        return self._kinds.setdefault(key, _Kind())


def _said(record: logging.LogRecord) -> str:
    """A library's line without what it quotes: errors and objects by their types, of several lines the first."""
    text, error = _first_line(record.msg), record.exc_info[1] if record.exc_info else None
    if isinstance(record.args, tuple) and record.args:
        with suppress(TypeError, ValueError):
            text %= tuple(_named(one) for one in record.args)
    return f"{text} ({whereabouts(error)})" if error else text


def _first_line(message: object) -> str:
    lines = str(_named(message)).strip().splitlines() or [""]
    # Of a traceback that came as text, the error's type.
    return lines[-1].partition(":")[0] if lines[0].startswith("Traceback ") else lines[0]


def _named(value: object) -> object:
    if isinstance(value, BaseException):
        return whereabouts(value)
    return value if isinstance(value, str | int | float) else type(value).__name__


class _TextFormatter(logging.Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  the library's name
        reference = _about.get()
        if reference and reference not in record.message:
            record.message = f"{reference} {record.message}"
        return super().formatMessage(record)


class _JsonFormatter(logging.Formatter):
    """One object for each line. What a line gives as `extra={"fields": {…}}` are members of it."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"at": at, "level": record.levelname.lower(), "message": record.getMessage()}
        reference = {"reference": _about.get()} if _about.get() else {}
        return json.dumps(line | reference | getattr(record, "fields", {}), ensure_ascii=False)
