"""META/manifest.json: counts, sizes and hashes, and what is not in the archive and why."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.archive.frame import SCHEMA_VERSION, Frame
from app.archive.tally import Tally
from app.kit.clock import rfc3339
from app.sources.port import Section


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the ZIP: its name, size in bytes, and SHA-256 as lower-case hex."""

    name: str
    size: int
    sha256: str


def write_manifest(
    frame: Frame, sections: Sequence[Section], tallies: Sequence[Tally], members: Sequence[Member],
    compiled_at: datetime, expires_at: datetime,
) -> bytes:  # fmt: skip
    counted = {tally.section.name: tally for tally in tallies}
    run = {
        "compiled_at": rfc3339(compiled_at),
        "expires_at": rfc3339(expires_at),
        "mapping_sha256": frame.mapping_sha256,
        "row_security": frame.row_security,
    }
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "export": frame.export() | run,
        "sections": [_section(one, counted.get(one.name)) for one in sections],
        "omitted": [{"table": table, "reason": reason} for table, reason in frame.omitted],
        "other_combinations": frame.other_combinations,
        "members": [{"name": one.name, "size": one.size, "sha256": one.sha256} for one in members],
        "totals": {"members": len(members) + 1, "bytes": sum(one.size for one in members)},
    }
    return json.dumps(manifest, ensure_ascii=False, indent=2).encode() + b"\n"


def _section(section: Section, tally: Tally | None) -> dict[str, Any]:
    return {
        "name": section.name,
        "title": section.title,
        "category": section.category,
        "origin": section.origin,
        "purpose": section.purpose,
        "retention": section.retention,
        "recipients": section.recipients,
        "scope": section.scope,
        "because": section.because,
        "status": section.status,
        "reason": section.reason,
        "rows": tally.rows if tally else None,
        "bytes": tally.bytes if tally else None,
        "sha256": tally.sha256 if tally else None,
        "first_at": rfc3339(tally.first) if tally and tally.first else None,
        "last_at": rfc3339(tally.last) if tally and tally.last else None,
    }
