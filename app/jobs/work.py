"""What this room asks of the one whose work it runs: how a job begins, goes on and ends there."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from app.jobs.job import Job, Lane, Order, Progress
from app.kit.errors import Failure


class Attempt(Protocol):
    """One job, taken up once. What is given a connection runs in the transaction that changes the job."""

    # For the log; and one word for its kind of work.
    name: str
    kind: str
    lane: Lane

    def progress(self) -> Progress:
        """How far `run` is; read by the heartbeat while it runs."""

    async def run(self) -> None:
        """Does the work. Raises Unavailable where another attempt may succeed, another Failure where none will.

        Cancelled at any moment: the worker stops, or the job was taken away.
        """

    async def write_done(self, connection: AsyncConnection) -> None:
        """Writes that the work is done; the job is deleted with it."""

    async def is_done(self, connection: AsyncConnection) -> bool:
        """Whether `write_done` was committed by this very attempt, though nobody heard of it."""

    async def discard(self) -> None:
        """Removes what `run` left behind, because the job is not this worker's any more. May be cut short: somebody
        comes later for what is left."""


class Work(Protocol):
    """A kind of work. Everything here runs in the transaction that changes the job."""

    async def begin(self, connection: AsyncConnection, job: Job, now: datetime) -> Attempt | None:
        """Writes that the work has begun; None where there is nothing left to do."""

    async def write_waiting(self, connection: AsyncConnection, entry_id: UUID) -> None:
        """Writes that it waits for another attempt."""

    async def write_failed(
        self, connection: AsyncConnection, data_center: str, entry_id: UUID, failure: Failure
    ) -> None:
        """Writes that it has failed, by the failure's slug."""


class Agenda(Work, Protocol):
    """Work of every kind, and whose turn it is."""

    @property
    def order(self) -> Order:
        """Whose turn it is."""

    def is_full(self, lane: Lane, running: int) -> bool:
        """Whether one more of this data source would only wait, and hold a worker meanwhile."""
