"""The process that compiles archives: it answers the bell and keeps the clockwork going until it is told to stop."""

import asyncio
import gc
import signal
from pathlib import Path

from prometheus_client import start_http_server

from app.bootstrap import Services
from app.kit.crew import Crew, end_in_time
from app.kit.errors import Misconfigured
from app.kit.logs import log
from app.startup import make_folder, prepare_store

_SHOWN_EVERY_SECONDS = 5.0


async def work(services: Services) -> int:
    """Until SIGTERM or SIGINT; what runs then has seconds to end, and is handed back otherwise. The exit code: 1 where
    it stopped because a part of it had died."""
    settings, crew = services.settings, services.crew
    make_folder(settings.var_dir)
    await prepare_store(services.store)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, crew)
    crew.begin("the tick", services.tick.forever())
    crew.begin("the sealer", services.sealer.forever())
    crew.begin("the bell", services.bell.answer(services.run_job, settings.max_exports))
    if services.deliver.receivers:
        crew.begin("the webhooks", services.deliver.forever())
    crew.begin("the sign of life", _show_life(settings.sign_of_life))
    _serve_metrics(services)
    # What has been made so far stays to the end; to look through it for garbage again and again would cost time.
    gc.collect()
    gc.freeze()
    log.info("compiling up to %d exports at a time", settings.max_exports)
    try:
        await crew.over.wait()
        log.info("stopping: what runs may end, or is handed back")
    finally:
        await crew.stop()
        settings.sign_of_life.unlink(missing_ok=True)
        await services.close()
    return 1 if crew.broken else 0


def _serve_metrics(services: Services) -> None:
    """In a thread of its own that ends with the process. Raises Misconfigured."""
    port, host = services.settings.metrics_port, services.settings.host
    if port is None or not services.settings.shows_metrics:
        return
    try:
        start_http_server(port, host, services.metrics.registry)
    except OSError as error:
        raise Misconfigured(f"DOSSIER_METRICS_PORT: {host}:{port} cannot be served: {error.strerror}.") from error


def _stop(crew: Crew) -> None:
    end_in_time()
    crew.over.set()


async def _show_life(sign: Path) -> None:
    while True:
        await asyncio.to_thread(sign.touch, 0o600)
        await asyncio.sleep(_SHOWN_EVERY_SECONDS)
