"""Delivers what is due: one message at a time in each of some slots, beside exports and apart from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from app.jobs.takers import Takers
from app.kit.clock import Clock
from app.kit.db import Database
from app.kit.logs import about, log
from app.sources.receiver import Receiver
from app.webhooks.delivery import TAKEN, Attempt, Delivery, claim, delete_old, write_attempt
from app.webhooks.send import Sender

_SLOTS = 4
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Deliver:
    """Harmless in any number of processes: a message is leased to one at a time. One that dies with it leaves it to
    another when the lease is over, so that a receiver may get a message twice, under the same id."""

    database: Database
    receivers: Sequence[Receiver]
    send: Sender
    clock: Clock

    async def forever(self) -> None:
        await Takers(_LOOK_SECONDS).answer(self, _SLOTS)

    async def __call__(self) -> bool:
        """Sends the next due message, if there is one, and says whether there was."""
        known = {(one.data_center, one.name): one for one in self.receivers}
        async with self.database.writing() as connection:
            delivery = await claim(connection, uuid4(), self.clock(), list(known))
        if delivery is None:
            return False
        with about(str(delivery.entry_id)):
            attempt = await self.send(delivery, known[delivery.data_center, delivery.receiver])
            async with self.database.writing() as connection:
                await write_attempt(connection, delivery, attempt)
            _tell(delivery, attempt)
        return True

    async def delete_old(self) -> None:
        """A chore of the tick."""
        if self.receivers:
            async with self.database.writing() as connection:
                await delete_old(connection, self.clock())


def _tell(delivery: Delivery, attempt: Attempt) -> None:
    level = log.info if attempt.outcome == TAKEN else log.warning
    where = (delivery.event, delivery.data_center, delivery.receiver)
    level("webhook %s to %s/%s, attempt %d: %s", *where, delivery.attempts + 1, attempt.outcome)
    if attempt.gone:
        log.warning("webhooks to %s/%s stop: the receiver is gone (410); `python -m app webhooks resume`", *where[1:])
