"""The URLs of databases: a malformed one is told what is wrong with it, and never a word of what it says."""

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

_FORM = "postgresql://user:password@host:5432/database"
_HIGHEST_PORT = 65535


def parsed(address: str) -> URL:
    """Raises ValueError with what is wrong, and how to mend it."""
    try:
        url = make_url(address)
    except ArgumentError:
        # Not from there: the library's own message holds the address, and so the password.
        raise ValueError(f"it must be a URL such as {_FORM}") from None
    except ValueError:
        raise ValueError(f"its port, between the last : and the /, must be a number up to {_HIGHEST_PORT}") from None
    # An @ of the password's, unescaped, ends it too early: the rest of it is taken for the host, or for the database.
    if any(sign in (url.host or "") for sign in "@/?# ") or (url.host and "@" in (url.database or "")):
        raise ValueError("its user name and password must be percent-encoded (@ is %40, : is %3A, / is %2F)")
    if not 0 < (url.port or 1) <= _HIGHEST_PORT:
        raise ValueError(f"its port must be a number from 1 to {_HIGHEST_PORT}")
    return url
