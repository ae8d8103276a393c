"""Idempotency keys: the same request, sent once more with the same key, is done once and answered in the same words.

As the IETF's draft says it (draft-ietf-httpapi-idempotency-key-header): a key is kept for 24 hours, belongs to who
sent it, and stands for one body. It is taken in a transaction of its own before anything is done, so that the same
request at another process sees it; the answer is written in the transaction of what was done.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.audit.event import By
from app.exports.request import RequestExport, Wishes
from app.history.entry import Entry
from app.history.schemas import export_json
from app.history.tables import IDEMPOTENCY_KEYS
from app.kit.clock import Clock
from app.kit.db import Database, DatabaseUnavailable
from app.kit.errors import Conflict, Invalid

KEPT = timedelta(hours=24)
# Who took a key and has not answered by then is dead: a request lasts for seconds.
_TAKEN_AT_MOST = timedelta(seconds=60)
Answer = Mapping[str, Any]


class KeyInUse(Conflict):
    """A request with the same idempotency key is being answered at this moment. Send it again a little later: then it
    is answered in the same words."""

    slug = "idempotency-key-in-use"
    title = "The same request is being answered"


class KeyReused(Invalid):
    """The idempotency key was sent before with another body. One key stands for one request: make a new one for each,
    a UUID for instance."""

    slug = "idempotency-key-reused"
    title = "The idempotency key stands for another request"


@dataclass(frozen=True, slots=True)
class RequestOnce:
    request: RequestExport
    once: "Once"

    async def __call__(self, by: By, data_center: str, token: str, wishes: Wishes, key: str | None) -> Answer:
        """The export as it was when it was requested, under this key the first time. Raises what RequestExport does,
        KeyInUse and KeyReused."""
        if key is None:
            return export_json(await self.request(by, data_center, token, wishes))
        asked = Asked.of((by.name, data_center, key), (token, wishes.case_reference, wishes.language))

        async def remember(connection: AsyncConnection, entry: Entry) -> None:
            await self.once.write_answer(connection, asked, export_json(entry))

        async with self.once.taken(asked) as answer:
            return answer or export_json(await self.request(by, data_center, token, wishes, remember))


@dataclass(frozen=True, slots=True)
class Asked:
    """A key as one administrator sent it to one address, and the body that it stands for; both hashed (hex)."""

    key: str
    body: str

    @classmethod
    def of(cls, key: Sequence[str], body: Sequence[str | None]) -> "Asked":
        return cls(*(hashlib.sha256(msgspec.json.encode(one)).hexdigest() for one in (key, body)))


@dataclass(frozen=True, slots=True)
class Once:
    database: Database
    clock: Clock

    @asynccontextmanager
    async def taken(self, asked: Asked) -> AsyncIterator[Answer | None]:
        """The answer that was given before, or None: then the block does what was asked and ends with `write_answer`.
        Where it fails the key is given back, so that the request may be tried again. Raises KeyInUse, KeyReused."""
        now = self.clock()
        if (answer := await self._take(asked, now)) is not None:
            yield answer
            return
        try:
            yield None
        except BaseException:
            # Where the database is away, the key is free again after a minute.
            with suppress(DatabaseUnavailable):
                await self._give_back(asked)
            raise

    async def write_answer(self, connection: AsyncConnection, asked: Asked, answer: Answer) -> None:
        mine = IDEMPOTENCY_KEYS.c.key == asked.key
        await connection.execute(update(IDEMPOTENCY_KEYS).where(mine).values(answer=dict(answer)))

    async def delete_old(self) -> None:
        """A chore of the tick."""
        async with self.database.writing() as connection:
            old = IDEMPOTENCY_KEYS.c.taken_at <= self.clock() - KEPT
            await connection.execute(delete(IDEMPOTENCY_KEYS).where(old))

    async def _take(self, asked: Asked, now: datetime) -> Answer | None:
        """None where the key is this request's now."""
        row = {"key": asked.key, "body": asked.body, "taken_at": now, "answer": None}
        try:
            async with self.database.writing() as connection:
                await self._delete_dead(connection, asked, now)
                await connection.execute(insert(IDEMPOTENCY_KEYS), row)
        except IntegrityError as error:
            answer = await self._answered(asked)
            if answer is None:
                raise KeyInUse from error
            return answer
        return None

    async def _delete_dead(self, connection: AsyncConnection, asked: Asked, now: datetime) -> None:
        """The same key, if it is too old, or was taken by somebody who died over it."""
        column = IDEMPOTENCY_KEYS.c
        died = column.answer.is_(None) & (column.taken_at <= now - _TAKEN_AT_MOST)
        old = or_(column.taken_at <= now - KEPT, died)
        await connection.execute(delete(IDEMPOTENCY_KEYS).where(column.key == asked.key, old))

    async def _answered(self, asked: Asked) -> Answer | None:
        column = IDEMPOTENCY_KEYS.c
        async with self.database.reading() as connection:
            found = await connection.execute(select(column.body, column.answer).where(column.key == asked.key))
            row = found.one_or_none()
        if row is not None and row.body != asked.body:
            raise KeyReused
        answer: Answer | None = row.answer if row else None
        return answer

    async def _give_back(self, asked: Asked) -> None:
        unanswered = (IDEMPOTENCY_KEYS.c.key == asked.key, IDEMPOTENCY_KEYS.c.answer.is_(None))
        async with self.database.writing() as connection:
            await connection.execute(delete(IDEMPOTENCY_KEYS).where(*unanswered))
