"""An audit event as it is hashed: every column, in one form, whatever database it stands in."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, String, Text, cast, type_coerce

from app.audit.trail import AUDIT_EVENTS

# As the driver hands them over: what somebody else wrote there may not be of the column's type.
COLUMNS: list[ColumnElement[Any]] = [
    (cast(one, Text) if one.name == "details" else type_coerce(one, String)).label(one.name)
    for one in AUDIT_EVENTS.columns
]
_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
_NAMES = [one.name for one in AUDIT_EVENTS.columns]


def as_json(row: Row[Any]) -> dict[str, Any]:
    """What `COLUMNS` selected first, by name, ready for JSON. Raises ValueError where it is not of the table's form."""
    event: dict[str, Any] = dict(zip(_NAMES, row, strict=False))
    try:
        event["at"] = moment(event["at"])
        event["entry_id"] = None if event["entry_id"] is None else str(UUID(str(event["entry_id"])))
        if isinstance(event["details"], str):
            event["details"] = json.loads(event["details"])
    except (TypeError, AttributeError) as error:
        raise ValueError("is no audit event") from error
    return event


def entry_of(event: dict[str, Any]) -> bytes:
    """In JSON's canonical form (RFC 8785): sorted by name, without spaces, in UTF-8."""
    return _CANONICAL.encode(event).encode()


def moment(at: str | datetime) -> str:
    """RFC 3339 in UTC, always with six digits of a second. SQLite has no zones, and keeps UTC. Raises ValueError."""
    utc = datetime.fromisoformat(at).replace(tzinfo=UTC) if isinstance(at, str) else at.astimezone(UTC)
    return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
