"""Why no connection to a server came about, in words: what the drivers say of it differs, and names no mend."""

import re
from socket import gaierror
from ssl import SSLError

from app.sources.port import NotConnected

_CORRECT = "correct it in {url}"
_UNANSWERED = "start the server, or correct host and port in {url}"
_FULL = "the server has no connection left", "raise its limit, or write a smaller `connections` beside {url}"
# What the server or the driver's library says, what that means, and the mend. They tell it by no code.
_POSTGRESQL = (
    (r'password authentication failed for user "([^"]*)"',
     "the server refuses the password of the user {0!r}, or knows no such user", _CORRECT),
    (r"no password supplied", "the server asks for a password, and there is none", "write one into {url}"),
    (r'role "([^"]*)" does not exist', "the server knows no user {0!r}", _CORRECT),
    (r'database "([^"]*)" does not exist', "the server has no database {0!r}", _CORRECT),
    (r'permission denied for database "([^"]*)"', "the user may not enter the database {0!r}",
     "GRANT CONNECT on it, or correct {url}"),
    (r"pg_hba\.conf", "the server lets nobody in from here as this user",
     "allow it in its pg_hba.conf, or correct {url}"),
    (r"too many (?:connections|clients)|remaining connection slots", *_FULL),
    (r"resolve host '(.*?)'|translate host name \"(.*?)\"", "no host is called {0!r}", _CORRECT),
    (r'at "(.*?)".*?, port (\d+) failed: (?:Connection refused|No route|Network is|Connection timed|timeout)',
     "nothing answers at {0}, port {1}", _UNANSWERED),
    (r"timeout expired", "the server does not answer in time", _UNANSWERED),
)  # fmt: skip
_MARIADB = {
    1040: _FULL, 1203: _FULL, 1226: _FULL,
    1130: ("the server lets nobody in from here", "allow this host on the server, or correct {url}"),
    1045: ("the server refuses the password of the user {0!r}, or knows no such user", _CORRECT),
    1044: ("the user {0!r} may not enter the database {1!r}, or there is none", "GRANT SELECT on it, or correct {url}"),
    1049: ("the server has no database {0!r}", _CORRECT),
}  # fmt: skip


def refused_by_postgresql(said: str) -> NotConnected:
    said = " ".join(said.split())
    for pattern, words, mend in _POSTGRESQL:
        if found := re.search(pattern, said):
            return _refused(words.format(*filter(None, found.groups())), mend)
    return _answered(said.removeprefix("connection failed: "))


def refused_by_mariadb(told: tuple[object, ...], cause: object, host: str, port: int) -> NotConnected:
    """`told` are the driver's number and words, `cause` is the error of the system that it met, if it met one."""
    code, said = told[0] if told else None, " ".join(str(told[-1] if told else "nothing").split())
    if isinstance(cause, gaierror):
        return _refused(f"no host is called {host!r}", _CORRECT)
    if isinstance(cause, OSError) and not isinstance(cause, SSLError):
        return _refused(f"nothing answers at {host}, port {port}", _UNANSWERED)
    if not isinstance(code, int) or code not in _MARIADB:
        return _answered(said)
    words, mend = _MARIADB[code]
    return _refused(words.format(*re.findall(r"(?:user|database) '([^']*)'", said), ""), mend)


def refused_option(error: OSError) -> NotConnected:
    """What follows the `?` of a URL goes to the driver, which may not find the file that it names."""
    return _refused(f"an option does not do ({error})", "correct what follows the ? in {url}")


def _answered(said: str) -> NotConnected:
    return _refused(f"it fails with `{said}`", "correct {url}, or what the server allows")


def _refused(what: str, mend: str) -> NotConnected:
    return NotConnected(f"the connection: {what}", mend)
