"""Searching PostgreSQL the short way: on connections that are kept, with statements prepared, and without a thread.

A search takes a millisecond, so a new connection or a thread would be most of it. An export takes seconds at least: it
has both (`postgres`).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import psycopg
from psycopg import pq
from psycopg.generators import execute

from app.kit.driver import Connection
from app.sources.engine import Ask, LookUp, NoSuchValue, Result
from app.sources.engines.postgres_wire import (
    bound,
    dumped,
    named_errors,
    prepare_connection,
    prepared,
    received,
    rows_of,
    sent,
)
from app.sources.port import SourceMisconfigured, SourceUnavailable

# A firewall may forget a connection that was silent for minutes, and then nobody is told that it is dead. So one that
# was not used for so long is closed; one that was not used just now is asked first whether it answers.
_KEPT_SECONDS, _TRUSTED_SECONDS = 60.0, 2.0
_PING_SECONDS, _LEAVE_SECONDS = 1.0, 1.0


class KeptConnections:
    """Connections that wait for the next search, newest first.

    Not the library's pool: that one goes on connecting by itself when the server is away, so a search waits for its
    time-out instead of hearing at once why the server refuses, and the first search after an outage waits again.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._idle: list[_KeptConnection] = []
        self._leaving: set[asyncio.Task[None]] = set()

    async def find(self, look_up: Callable[[], LookUp[Result]]) -> Result:
        """As Engine.find. A connection that was kept may be dead, or have prepared a statement for a table that was
        changed since. So what fails on it is asked once more on a new one, and only that answer counts."""
        if kept := await self._reused():
            try:
                return await self._found(kept, look_up())
            except (SourceUnavailable, SourceMisconfigured) as error:
                if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
                    raise
        return await self._found(await self._connected(), look_up())

    async def close(self) -> None:
        while self._idle:
            await self._idle.pop().connection.close()
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=_LEAVE_SECONDS)

    async def _reused(self) -> "_KeptConnection | None":
        """A kept connection that answered a moment ago, or answers now."""
        while self._idle:
            kept, usable = self._idle.pop(), False
            age = asyncio.get_running_loop().time() - kept.used_at
            try:
                usable = age < _TRUSTED_SECONDS or (age < _KEPT_SECONDS and await kept.answers())
            finally:
                if not usable:
                    self._give_up(kept)
            if usable:
                return kept
        return None

    async def _connected(self) -> "_KeptConnection":
        with named_errors("the connection", connecting=True):
            connection = await Connection.connect(self._address, autocommit=True)
        try:
            prepare_connection(connection)
        except SourceMisconfigured:
            await connection.close()
            raise
        return _KeptConnection(connection)

    async def _found(self, kept: "_KeptConnection", look_up: LookUp[Result]) -> Result:
        reusable = True
        try:
            return await kept.looked_up(look_up)
        except NoSuchValue:
            raise
        except BaseException:
            reusable = False
            raise
        finally:
            if reusable and kept.at_rest:
                kept.used_at = asyncio.get_running_loop().time()
                self._idle.append(kept)
            else:
                # What made this one fail, a restart or a cut cable, may have met the others, too.
                for one in (kept, *self._idle):
                    self._give_up(one)
                self._idle.clear()

    def _give_up(self, kept: "_KeptConnection") -> None:
        """Tells the server to stop, and closes the connection, in a task that nobody waits for: a silent server would
        not even say that it has stopped."""
        leaving = asyncio.create_task(kept.cancel_and_close(), name="leaving a connection")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)


class _KeptConnection:
    """One kept connection and the names of what it has prepared."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.used_at = 0.0
        self._names: dict[tuple[bytes, tuple[int, ...]], bytes] = {}

    @property
    def at_rest(self) -> bool:
        return self.connection.pgconn.transaction_status == pq.TransactionStatus.IDLE

    async def looked_up(self, look_up: LookUp[Result]) -> Result:
        try:
            asked = next(look_up)
            while True:
                await self._ask(asked)
                asked = look_up.send(None)
        except StopIteration as ended:
            found: Result = ended.value
            return found

    async def answers(self) -> bool:
        try:
            self.connection.pgconn.send_query(b"")
            await self.connection.wait(execute(self.connection.pgconn), timeout=_PING_SECONDS)
        except psycopg.Error:
            return False
        return self.at_rest

    async def cancel_and_close(self) -> None:
        with suppress(psycopg.Error):
            await self.connection.cancel_safe(timeout=_LEAVE_SECONDS)
        await self.connection.close()

    async def _ask(self, asked: Ask) -> None:
        wait, wire = self.connection.wait, self.connection.pgconn
        text, given = bound(asked.query.statement, asked.values)
        with named_errors(asked.query.name, searching=True):
            forms, values = dumped(self.connection, given)
            name = await self._prepared(text, forms.types or ())
            wire.send_query_prepared(name, values, forms.formats)
            await wait(sent(wire))
            wanted = True
            # To the end, though nobody may want it: the connection has other questions to come.
            while result := await wait(received(wire)):
                if result.ntuples and wanted:
                    wanted = asked.take(rows_of(result, forms))

    async def _prepared(self, text: bytes, types: tuple[int, ...]) -> bytes:
        if (text, types) not in self._names:
            name = b"dossier_%d" % len(self._names)
            await self.connection.wait(prepared(self.connection.pgconn, name, text, types))
            self._names[text, types] = name
        return self._names[text, types]
