"""META/manifest.json: counts, sizes and hashes, and what is not in the archive and why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from app.archive.absent import reason
from app.archive.frame import Frame
from app.archive.schema import SCHEMA_VERSION, Included, LeftOut, Manifest, Member, Run, Totals
from app.archive.schema_1_0 import Omitted
from app.archive.tally import Tally
from app.archive.translator import Translator
from app.kit.clock import rfc3339
from app.sources.port import Section


def write_manifest(
    frame: Frame, sections: Sequence[Section], tallies: Sequence[Tally], members: Sequence[Member],
    compiled_at: datetime, translator: Translator,
) -> bytes:  # fmt: skip
    """As the published form has it, member by member: what does not fit it is never written."""
    counted = {tally.section.name: tally for tally in tallies}
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        export=_run(frame, compiled_at),
        sections=[_section(one, counted.get(one.name), translator) for one in sections],
        omitted=[Omitted(table=table, reason=reason) for table, reason in frame.omitted],
        other_combinations=frame.other_combinations,
        members=list(members),
        totals=Totals(members=6, bytes=sum(one.size for one in members)),
    )
    return json.dumps(manifest.model_dump(), ensure_ascii=False, indent=2).encode() + b"\n"


def _run(frame: Frame, compiled_at: datetime) -> Run:
    return Run(
        **frame.export().model_dump(exclude={"data_center", "data_source"}),
        data_center=frame.data_center,
        data_source=frame.data_source,
        compiled_at=rfc3339(compiled_at),
        expires_at=rfc3339(compiled_at + frame.lifetime),
        mapping_sha256=frame.mapping_sha256,
        row_security=frame.row_security,
        language=frame.language,
        time_zone=frame.time_zone,
    )


def _section(section: Section, tally: Tally | None, translator: Translator) -> Included | LeftOut:
    facts = asdict(section)
    if tally:
        return Included.model_validate({**facts, **_counts(tally)})
    return LeftOut.model_validate({**facts, **_NO_COUNTS, "reason": reason(section, translator)})


def _counts(tally: Tally) -> Mapping[str, Any]:
    return {
        "rows": tally.rows,
        "bytes": tally.bytes,
        "sha256": tally.sha256,
        "first_at": rfc3339(tally.first) if tally.first else None,
        "last_at": rfc3339(tally.last) if tally.last else None,
    }


_NO_COUNTS: Mapping[str, Any] = dict.fromkeys(("rows", "bytes", "sha256", "first_at", "last_at"))
