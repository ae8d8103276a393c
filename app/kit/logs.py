"""Log lines that hold no personal data: what happened and where, never an exception's own words."""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path

ROOT = "dossier"
log = logging.getLogger(ROOT)
# What the task that logs is about; tasks that it begins inherit it.
_about: ContextVar[str] = ContextVar("about", default="")
_SILENT_SECONDS = 60.0


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
    """Writes our lines and the server's to standard error, as `text` or `json`; of the bell's only its errors, since
    a ring that was not heard in time is nothing to tell, and of what sends traces an error now and then. What becomes
    of a broken connection, whoever used it says: the database library's own lines would quote the driver, traceback
    and all."""
    handler, seldom = _handler(form), _handler(form)
    seldom.addFilter(_Seldom())
    levels = {ROOT: level, "uvicorn": logging.WARNING, "arq": logging.ERROR, "sqlalchemy": logging.CRITICAL}
    for name, least in levels.items():
        _lead(name, least, handler)
    _lead("opentelemetry", logging.ERROR, seldom)


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


class _Seldom(logging.Filter):
    """One line a minute, without traceback: while the collector of traces is away, each batch would say so."""

    def __init__(self) -> None:
        super().__init__()
        self._silent_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if record.created < self._silent_until:
            return False
        self._silent_until = record.created + _SILENT_SECONDS
        record.exc_info = record.exc_text = None
        return True


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
