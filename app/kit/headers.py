"""Headers that belong to the answer of the request at hand, added by whoever finds them out, however deep inside."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

# Tasks that answer a request inherit it.
_added: ContextVar[dict[str, str] | None] = ContextVar("added", default=None)


@contextmanager
def gathering() -> Iterator[dict[str, str]]:
    """What is added from within the block."""
    added: dict[str, str] = {}
    token = _added.set(added)
    try:
        yield added
    finally:
        _added.reset(token)


def add_headers(headers: Mapping[str, str]) -> None:
    """Nothing where no request is being answered."""
    added = _added.get()
    if added is not None:
        added.update(headers)
