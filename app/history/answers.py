"""How an entry is answered: what has just begun, and what somebody looks at again and again."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, Query, Response
from fastapi.responses import JSONResponse
from pydantic.json_schema import SkipJsonSchema

from app.history.entry import UNFINISHED, Entry
from app.history.schemas import export_json
from app.history.watch import Watch
from app.kit.clock import Clock

# A header is there or not, and never null: a generated client that lets one pass null fails when it sends it.
Absent = SkipJsonSchema[None]
KnownTag = Annotated[str | Absent, Header(alias="if-none-match", description="The `ETag` of the answer before.")]
Wait = Annotated[int, Query(ge=0, le=30, description="Seconds to wait for a change.")]
# Where an answer says what can be done next with what is in it.
ITSELF = {"data_center": "$request.path.data_center", "id": "$response.body#/id"}
# Whoever asks again and again is told to within these bounds, in seconds.
_SOONEST, _LATEST = 1, 30


async def watched(entry: Entry, if_none_match: str | None, wait: int, watch: Watch, clock: Clock) -> Response:
    """The entry, or 304 where it is as `if_none_match` says; then it waits so many seconds for a change."""
    answer = _shown(entry, if_none_match, clock())
    with suppress(TimeoutError):
        async with asyncio.timeout(wait):
            while wait and answer.status_code == HTTPStatus.NOT_MODIFIED:
                entry = await watch.changed(entry)
                answer = _shown(entry, if_none_match, clock())
    return answer


def accepted(export: Mapping[str, Any]) -> Response:
    """What has just begun, or begun again."""
    headers = {"Location": export["links"]["self"], "Retry-After": str(_SOONEST), "Cache-Control": "no-store"}
    return JSONResponse(export, 202, headers)


def _shown(entry: Entry, if_none_match: str | None, now: datetime) -> Response:
    """With a validator, so that whoever asks again and again is told in short if nothing changed (RFC 9110, 13)."""
    answer = as_json(entry, 200, _ask_again(entry, now))
    etag = f'"{hashlib.sha256(bytes(answer.body)).hexdigest()[:32]}"'
    known = {one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers={"ETag": etag})
    answer.headers["ETag"] = etag
    return answer


def as_json(entry: Entry, status: int, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(export_json(entry), status, {"Cache-Control": "no-store", **(headers or {})})


def _ask_again(entry: Entry, now: datetime) -> dict[str, str]:
    """For an unfinished export, the half of what it will take still, as far as one can tell: by its rows, else as long
    again as it has taken already."""
    if entry.status not in UNFINISHED:
        return {}
    taken = (now - (entry.started_at or entry.requested_at)).total_seconds()
    made, left = entry.progress, 1.0
    if made and made.rows and made.rows_estimated:
        left = (made.rows_estimated - made.rows) / made.rows
    return {"Retry-After": str(round(min(_LATEST, max(_SOONEST, taken * left / 2))))}
