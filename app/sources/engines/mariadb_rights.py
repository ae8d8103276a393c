"""What a role of MariaDB may change, by what `SHOW GRANTS` says of it."""

import re
from collections.abc import Callable, Sequence

_GRANT = re.compile(
    r"GRANT (?P<rights>.+?) ON (?:TABLE )?(?P<base>\*|`(?:[^`]|``)+`)\.(?P<table>\*|`(?:[^`]|``)+`) TO "
)
_WRITING = re.compile(r"\b(?:ALL PRIVILEGES|INSERT|UPDATE|DELETE|DROP|ALTER|CREATE)\b")


def writable(grants: Sequence[str], database: str) -> Callable[[str], bool]:
    """Whether a table of the database may be changed."""
    writing = [grant for grant in map(_GRANT.match, grants) if grant and _WRITING.search(grant["rights"])]
    here = [_bare(grant["table"]) for grant in writing if _pattern(grant["base"]).fullmatch(database)]
    return lambda table: "*" in here or table in here


def _bare(name: str) -> str:
    return name[1:-1].replace("``", "`") if name.startswith("`") else name


def _pattern(base: str) -> re.Pattern[str]:
    """Of a database's name in a grant, in which `_` and `%` stand for others unless a backslash is before them."""
    parts = re.findall(r"\\.|.", "%" if base == "*" else _bare(base), re.DOTALL)
    return re.compile("".join({"_": ".", "%": ".*"}.get(part, re.escape(part[-1])) for part in parts), re.DOTALL)
