"""The process that compiles archives: it answers the bell and keeps the clockwork going until it is told to stop."""

import asyncio
import signal
import time
from pathlib import Path

from app.bootstrap import Services, look_at_store
from app.kit.logs import log

_SHOWN_EVERY_SECONDS = 5.0
_DEAD_AFTER_SECONDS = 60.0


async def work(services: Services) -> None:
    """Until SIGTERM or SIGINT; what runs then has seconds to end, and is handed back otherwise."""
    await look_at_store(services)
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    parts = (
        services.tick.forever(),
        services.bell.answer(services.attempt, services.settings.max_exports),
        _show_life(_sign(services.settings.var_dir)),
    )
    working = [asyncio.create_task(one) for one in parts]
    log.info("compiling up to %d exports at a time", services.settings.max_exports)
    try:
        await told.wait()
        log.info("stopping: what runs may end, or is handed back")
    finally:
        for one in working:
            one.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        _sign(services.settings.var_dir).unlink(missing_ok=True)
        await services.close()


def lives(var_dir: Path) -> bool:
    """Whether a worker with this directory went on doing things within the last minute."""
    try:
        return time.time() - _sign(var_dir).stat().st_mtime < _DEAD_AFTER_SECONDS
    except FileNotFoundError:
        return False


async def _show_life(sign: Path) -> None:
    sign.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        await asyncio.to_thread(sign.touch, 0o600)
        await asyncio.sleep(_SHOWN_EVERY_SECONDS)


def _sign(var_dir: Path) -> Path:
    return var_dir / "worker-lives"
