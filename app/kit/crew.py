"""Tasks that last as long as their process, and the end of that: none dies unseen, and nothing holds the end up."""

import asyncio
import os
import threading
from collections.abc import Coroutine, Sequence
from typing import Any

from app.kit.logs import log, whereabouts

# Whoever is told to stop has stopped after so many seconds, before a supervisor loses patience.
_MOST_SECONDS = 4.5


class Crew:
    """Begins tasks by name and watches them. `over` is set when the process is to end: by whoever is told so, and
    where one of the tasks has ended though nobody had told it to; then it is `broken` too."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.broken = False
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    def begin(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    async def stop(self) -> None:
        """Cancels all of them, and waits until they have ended."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._stopping:
            return
        error = None if task.cancelled() else task.exception()
        why = f" ({whereabouts(error)})" if error else ""
        log.error("%s has ended%s; so this process stops, for another to take its place", task.get_name(), why)
        self.broken = True
        self.over.set()


async def first_to_end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Waits for any of them, and raises what it raised. The others go on."""
    ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in ended:
        task.result()


def end_in_time() -> None:
    """To be called when the process is told to stop: whatever hangs then, in a thread or on a busy machine, the process
    has ended some seconds later. What it had in work is handed on by its lease."""
    last = threading.Timer(_MOST_SECONDS, _end_at_once)
    last.daemon = True
    last.start()


def _end_at_once() -> None:
    log.error("something did not end within %.1f s and was left behind", _MOST_SECONDS)
    os._exit(0)
