"""Runs a long piece of work in a thread of its own, and never leaves while it still runs."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(work: Callable[[], Result]) -> Result:
    """The work's result or error. If the caller is cancelled, it waits for the thread before it gives way,
    so the work must have another way to learn that it is not wanted any more."""
    pool = ThreadPoolExecutor(1, "work")
    try:
        running = asyncio.get_running_loop().run_in_executor(pool, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait({running})
            running.exception()
            raise
    finally:
        pool.shutdown(wait=False)
