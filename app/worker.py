"""The process that compiles archives: it answers the bell and keeps the clockwork going until it is told to stop."""

import asyncio
import signal
from pathlib import Path

from app.bootstrap import Services, look_at_store, make_folder
from app.kit.logs import log

_SHOWN_EVERY_SECONDS = 5.0


async def work(services: Services) -> None:
    """Until SIGTERM or SIGINT; what runs then has seconds to end, and is handed back otherwise."""
    make_folder(services.settings.var_dir)
    await look_at_store(services)
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    parts = (
        services.tick.forever(),
        services.bell.answer(services.run_job, services.settings.max_exports),
        _show_life(services.settings.sign_of_life),
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
        services.settings.sign_of_life.unlink(missing_ok=True)
        await services.close()


async def _show_life(sign: Path) -> None:
    while True:
        await asyncio.to_thread(sign.touch, 0o600)
        await asyncio.sleep(_SHOWN_EVERY_SECONDS)
