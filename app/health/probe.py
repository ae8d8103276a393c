"""Asks everything that the service depends on whether it answers: once for all who want to know."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from app.jobs.port import Bell
from app.kit.db import Database
from app.kit.threads import Threads
from app.sources.registry import Registry
from app.storage.port import ArchiveStore

_SECONDS, _KEPT_SECONDS = 2.0, 5.0
Ask = Callable[[], Coroutine[Any, Any, object]]
_Task = asyncio.Task[object]


class Probe:
    """A state by the name of each part, a few seconds old at most.

    Anybody may ask, without a key and as often as they like. So one look serves all who ask meanwhile, and what it
    found those who ask soon afterwards: neither the own database nor a customer's hears more of it.
    """

    def __init__(
        self, database: Database, bell: Bell, store: ArchiveStore, registry: Registry, threads: Threads
    ) -> None:
        sources: list[tuple[str, Ask]] = [("sources", source.reach) for _, source in registry.every_source()]
        self._parts: list[tuple[str, Ask]] = [("queue", bell.check), ("storage", store.check), *sources]
        self._asks: list[Ask] = [database.state, *(ask for _, ask in self._parts)]
        self._asked: dict[int, _Task] = {}
        self._threads = threads
        self._look: asyncio.Task[dict[str, str]] | None = None
        self._begun = 0.0

    async def __call__(self) -> dict[str, str]:
        look = self._look
        if look is None or time.monotonic() - self._begun >= _KEPT_SECONDS:
            self._begun = time.monotonic()
            look = self._look = asyncio.create_task(self._looked(), name="looking at every part")
        # Not awaited itself: a client that goes away is cancelled here, and would cancel it for all the others.
        await asyncio.wait((look,))
        return dict(look.result())

    async def _looked(self) -> dict[str, str]:
        """Who asks waits for an answer, so whatever is slow counts as failed, and its end is not waited for."""
        tasks = [self._task(number) for number in range(len(self._asks))]
        await asyncio.wait(tasks, timeout=_SECONDS)
        own, *others = [_answer(task) for task in tasks]
        failed = {name for (name, _), answer in zip(self._parts, others, strict=True) if answer}
        found = {"database": own if isinstance(own, str) else "unreachable"}
        found |= {name: "degraded" if name in failed else "ok" for name in ("queue", "storage", "sources")}
        hung = self._threads.abandoned
        return found | {"threads": f"{hung} abandoned" if hung else "ok"}

    def _task(self, number: int) -> _Task:
        """What does not even end when it is cancelled is not asked again meanwhile."""
        task = self._asked.get(number)
        if task is None or task.done():
            task = self._asked[number] = asyncio.create_task(self._asks[number](), name="looking at a part")
        return task


def _answer(task: _Task) -> object:
    """What came of it: an error is an answer too. What is late is cancelled."""
    if not task.done():
        task.cancel()
        # asyncio prints an error that nobody asked for.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return TimeoutError()
    return asyncio.CancelledError() if task.cancelled() else task.exception() or task.result()
