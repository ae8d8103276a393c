"""META/manifest.json: counts, sizes and hashes, and what is not in the archive and why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.archive.frame import SCHEMA_VERSION, Frame
from app.archive.schema import Included, LeftOut, Manifest, Member, Omitted, Run, Totals
from app.archive.tally import Tally
from app.kit.clock import rfc3339
from app.sources.port import Section


def write_manifest(
    frame: Frame, sections: Sequence[Section], tallies: Sequence[Tally], members: Sequence[Member],
    compiled_at: datetime, expires_at: datetime,
) -> bytes:  # fmt: skip
    """As the published form has it, member by member: what does not fit it is never written."""
    counted = {tally.section.name: tally for tally in tallies}
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        export=_run(frame, compiled_at, expires_at),
        sections=[_section(one, counted.get(one.name)) for one in sections],
        omitted=[Omitted(table=table, reason=reason) for table, reason in frame.omitted],
        other_combinations=frame.other_combinations,
        members=list(members),
        totals=Totals(members=4, bytes=sum(one.size for one in members)),
    )
    return json.dumps(manifest.model_dump(), ensure_ascii=False, indent=2).encode() + b"\n"


def _run(frame: Frame, compiled_at: datetime, expires_at: datetime) -> Run:
    return Run(
        **frame.export().model_dump(exclude={"data_center", "data_source"}),
        data_center=frame.data_center,
        data_source=frame.data_source,
        compiled_at=rfc3339(compiled_at),
        expires_at=rfc3339(expires_at),
        mapping_sha256=frame.mapping_sha256,
        row_security=frame.row_security,
    )


def _section(section: Section, tally: Tally | None) -> Included | LeftOut:
    counts = _counts(tally) if tally else _NO_COUNTS
    return (Included if tally else LeftOut).model_validate({**asdict(section), **counts})


def _counts(tally: Tally) -> Mapping[str, Any]:
    return {
        "rows": tally.rows,
        "bytes": tally.bytes,
        "sha256": tally.sha256,
        "first_at": rfc3339(tally.first) if tally.first else None,
        "last_at": rfc3339(tally.last) if tally.last else None,
    }


_NO_COUNTS: Mapping[str, Any] = dict.fromkeys(("rows", "bytes", "sha256", "first_at", "last_at"))
