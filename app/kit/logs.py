"""Log lines that hold no personal data: what happened and where, never an exception's own words."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

ROOT = "dossier"
log = logging.getLogger(ROOT)


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
    a ring that was not heard in time is nothing to tell. What becomes of a broken connection, whoever used it says:
    the database library's own lines would quote the driver, traceback and all."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(_JsonFormatter() if form == "json" else text)
    levels = {ROOT: level, "uvicorn": logging.WARNING, "arq": logging.ERROR, "sqlalchemy": logging.CRITICAL}
    for name, least in levels.items():
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(least)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"at": at, "level": record.levelname.lower(), "message": record.getMessage()}
        return json.dumps(line, ensure_ascii=False)
