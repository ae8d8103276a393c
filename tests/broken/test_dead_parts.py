"""A process whose clockwork, bell or sign of life has died says so and stops; it does not go on as if it were well."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from app.bootstrap import Services, build_services
from app.commands.api import Guest, config_of, serve
from app.jobs.local import LocalBell
from app.jobs.port import Piece
from app.settings import Settings
from app.worker import work
from tests.builders import MAPPINGS, environ_of, write_shop, write_website

ROOT = Path(__file__).parents[2]


class BellThatDies(LocalBell):
    """Its takers end a moment after they began, and nobody had told them to."""

    async def answer(self, piece: Piece, at_once: int) -> None:
        async with asyncio.timeout(0.3):
            await super().answer(piece, at_once)


async def dying(tmp_path: Path) -> Services:
    given = {"var_dir": tmp_path / "var", "data_centers": MAPPINGS, "secret_key": "a secret of the tests, long enough"}
    write_website(tmp_path / "website.db")
    write_shop(tmp_path / "shop.db")
    services = build_services(Settings.model_validate(given), environ_of(tmp_path))
    await services.database.migrate()
    return replace(services, bell=BellThatDies())


async def test_an_api_whose_bell_died_stops_with_a_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    services = await dying(tmp_path)
    config = config_of(services.settings, services)
    async with asyncio.timeout(10):
        assert await serve(Guest(config), [socket.create_server(("127.0.0.1", 0))], services.crew) == 1
    assert "the bell has ended (TimeoutError" in caplog.text


async def test_a_worker_whose_bell_died_stops_with_a_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    services = await dying(tmp_path)
    async with asyncio.timeout(10):
        assert await work(services) == 1
    assert "the bell has ended (TimeoutError" in caplog.text
    assert not services.settings.sign_of_life.exists()


def test_a_worker_that_cannot_show_that_it_lives_stops_with_a_sentence(tmp_path: Path) -> None:
    write_website(tmp_path / "website.db")
    write_shop(tmp_path / "shop.db")
    own = {
        "DOSSIER_VAR_DIR": str(tmp_path / "var"), "DOSSIER_DATABASE_URL": f"sqlite:///{tmp_path / 'own.db'}",
        "DOSSIER_DATA_CENTERS": str(MAPPINGS), "DOSSIER_SECRET_KEY": "a secret of the tests, long enough",
        "DOSSIER_MIGRATE": "auto",
    }  # fmt: skip
    worker = subprocess.Popen(
        [sys.executable, "-m", "app", "worker"], cwd=ROOT, env=os.environ | environ_of(tmp_path) | own,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    sign, begun = tmp_path / "var" / "worker-lives", time.monotonic()
    while not sign.exists():
        assert time.monotonic() - begun < 20
        time.sleep(0.05)
    (tmp_path / "var").rename(tmp_path / "away")
    _, said = worker.communicate(timeout=20)
    assert (worker.returncode, "the sign of life has ended (FileNotFoundError" in said) == (1, True), said
    assert "Traceback" not in said
