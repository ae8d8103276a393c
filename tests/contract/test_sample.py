"""The sample, exported by the whole service from each engine, against the tables read by other means."""

import asyncio
import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from app.commands.sample.generate import ddl, shop_tables, website_tables, write_sample
from app.sources.candidate import HANDLE_DIGITS
from tests.builders import BASE, Running, archive, candidates, manifest, running
from tests.engines import EACH
from tests.fill import fill_postgres
from tests.independent import expected_sections
from tests.servers import new_database

HEAVY = 2000
MARIA, STRANGER, FAMILY, COOKIE_ONLY, AWKWARD, SHORT_ID = range(1001, 1007)
MARIA_EMAIL, COOKIE = "maria.keller@example.com", "0f4a7c52-8d7e-4b0a-9c1e-2f6b7a3d9e10"
ODD = ("O'Neill's \"Tablet\" 📱", "Brow\\ser %s :device; --")
PERSONAL = {
    "website": {"profile", "demographics", "identity_links", "persona_scores", "lead_scores"},
    "shop": {"customer", "addresses", "newsletter_consents", "persona_scores", "lead_scores"},
}
OWN_IDS = {"interactions": "interaction_id", "sessions": "session_id", "product_views": "view_id", "orders": "order_id"}

Source = Literal["website", "shop"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Who is exported, and how many others the search has to offer beside it."""

    identifier: str
    source: Source
    visitor: object
    device: str | None
    browser: str | None
    offered: int
    others: int


CHOSEN = {
    "maria on her iPhone": Chosen(MARIA_EMAIL, "website", MARIA, "iPhone", "Safari", 3, 1),
    "maria on her MacBook": Chosen(MARIA_EMAIL, "website", MARIA, "MacBook", "Chrome", 3, 1),
    "the stranger with her email": Chosen(MARIA_EMAIL, "website", STRANGER, "Windows computer", "Firefox", 3, 0),
    "awkward values": Chosen("awkward@example.com", "website", AWKWARD, "Linux computer", "Firefox", 2, 1),
    "an awkward device": Chosen("awkward@example.com", "website", AWKWARD, *ODD, 2, 1),
    "a shared iPad": Chosen("family@example.com", "website", FAMILY, "iPad", "Safari", 2, 1),
    "no device known": Chosen(COOKIE, "website", COOKIE_ONLY, None, "Firefox", 3, 2),
    "an empty browser": Chosen(COOKIE, "website", COOKIE_ONLY, "Pixel 8", "", 3, 2),
    "no browser known": Chosen(COOKIE, "website", COOKIE_ONLY, "Pixel 8", None, 3, 2),
    "a short tracking id": Chosen("183", "website", SHORT_ID, "Galaxy S24", "Samsung Internet", 2, 1),
    "maria of the shop": Chosen(MARIA_EMAIL, "shop", "AO-100001", "iPhone", "Safari", 2, 1),
    "maria's PC in the shop": Chosen("AO-100001", "shop", "AO-100001", "Windows computer", "Edge", 2, 1),
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, HEAVY)
    return folder


@pytest.fixture(scope="module", params=EACH)
def urls(request: pytest.FixtureRequest, sample: Path) -> Iterator[dict[str, str]]:
    if request.param == "sqlite":
        yield {source: f"sqlite:///{sample / source}.db" for source in PERSONAL}
        return
    with _filled(request.getfixturevalue(request.param)) as filled:
        yield filled


@contextmanager
def _filled(server: str) -> Iterator[dict[str, str]]:
    tables = {"website": website_tables(HEAVY), "shop": shop_tables()}
    urls = {}
    for source, rows in tables.items():
        urls[source] = new_database(server)
        fill_postgres(urls[source], rows, ddl)
    yield urls


@pytest.fixture(scope="module")
def archives(
    urls: dict[str, str], sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[Chosen, zipfile.ZipFile]:
    """All of them by one service, for it takes longer to start than to export."""
    environ = {f"SAMPLE_{source.upper()}_{use}": url for source, url in urls.items() for use in ("URL", "ERASE_URL")}

    async def export_all() -> dict[Chosen, zipfile.ZipFile]:
        folder = tmp_path_factory.mktemp("service")
        async with (
            running(folder, mappings=sample / "data-centers", environ=environ) as service,
            await service.client() as client,
        ):
            return {chosen: await _exported(client, service, chosen) for chosen in CHOSEN.values()}

    return asyncio.run(export_all())


@pytest.mark.parametrize("chosen", CHOSEN.values(), ids=CHOSEN.keys())
def test_an_export_holds_exactly_what_the_tables_hold(
    chosen: Chosen, archives: dict[Chosen, zipfile.ZipFile], urls: dict[str, str]
) -> None:
    opened, expected = archives[chosen], _expected(urls[chosen.source], chosen)
    data = json.loads(opened.read("personal-data.json"), parse_float=Decimal)
    assert data["sections"] == expected
    assert (data["export"]["device"], data["export"]["browser"]) == (chosen.device, chosen.browser)
    assert manifest(opened)["other_combinations"] == chosen.others
    _check_statuses(manifest(opened), chosen)
    _check_manifest(opened, expected)
    _check_nobody_elses(opened, urls, chosen)


@cache
def _expected(url: str, chosen: Chosen) -> dict[str, list[dict[str, object]]]:
    """Kept, because everybody's is compared with everybody else's too."""
    return expected_sections(url, chosen.source, chosen.visitor, chosen.device, chosen.browser)


async def _exported(client: httpx.AsyncClient, service: Running, chosen: Chosen) -> zipfile.ZipFile:
    offered = await candidates(client, chosen.identifier, chosen.source)
    assert len(offered) == chosen.offered, chosen
    made = await service.services.exports.request_once.request.handles()
    handle = made.handle("acme", chosen.source, chosen.visitor).digest[:HANDLE_DIGITS]  # type: ignore[arg-type]
    (one,) = [
        one for one in offered
        if (one["handle"], one["device"], one["browser"]) == (handle, chosen.device, chosen.browser)
    ]  # fmt: skip
    answer = await client.post(f"{BASE}/exports", json={"candidate": one["candidate"]})
    assert answer.status_code == 202, answer.text
    return await archive(client, str(answer.headers["location"]))


def _check_statuses(about: dict[str, Any], chosen: Chosen) -> None:
    shared = chosen.device == "iPad"
    for section in about["sections"]:
        personal = section["name"] in PERSONAL[chosen.source]
        status = "absent" if section["name"] == "surveys" else "withheld" if personal and shared else "included"
        assert (section["name"], section["status"]) == (section["name"], status)
        assert (section["reason"] is None) == (status == "included")
        assert (section["because"] is None) == (section["scope"] == "combination") == (not personal)


def _check_manifest(opened: zipfile.ZipFile, expected: dict[str, list[dict[str, object]]]) -> None:
    about, raw = manifest(opened), opened.read("personal-data.json")
    arrays = _arrays(raw)
    for section in about["sections"]:
        name = section["name"]
        if section["status"] == "included":
            array = arrays.pop(name)
            assert section["rows"] == len(json.loads(array)) == len(expected[name])
            assert (section["bytes"], section["sha256"]) == (len(array), hashlib.sha256(array).hexdigest())
        else:
            assert (section["rows"], section["bytes"], section["sha256"]) == (None, None, None)
    assert not arrays
    members = [(one["name"], one["size"], one["sha256"]) for one in about["members"]]
    names = opened.namelist()
    assert names == [
        "README.txt",
        "personal-data.json",
        "report.html",
        "viewer.html",
        "META/manifest.json",
        "META/manifest.json.sig",
    ]
    contents = [(name, opened.read(name)) for name in names[:-2]]
    assert members == [(name, len(held), hashlib.sha256(held).hexdigest()) for name, held in contents]


def _arrays(raw: bytes) -> dict[str, bytes]:
    """The bytes of each section's array, cut out of the document by a decoder that tells where a value ends."""
    text, decoder = raw.decode(), json.JSONDecoder()
    place = text.index('"sections":{') + len('"sections":{')
    arrays = {}
    while text[place] != "}":
        name, place = decoder.raw_decode(text, place + (text[place] == ","))
        _, end = decoder.raw_decode(text, place + 1)
        arrays[name] = text[place + 1 : end].encode()
        place = end
    assert text[place:] == "}}"
    return arrays


def _check_nobody_elses(opened: zipfile.ZipFile, urls: dict[str, str], chosen: Chosen) -> None:
    data = json.loads(opened.read("personal-data.json"))["sections"]
    everybody = [one for one in CHOSEN.values() if one.source == chosen.source]
    others = [one for one in everybody if _who(one) != _who(chosen)]
    assert others
    for other in others:
        theirs = _expected(urls[other.source], other)
        for name in OWN_IDS.keys() & data.keys():
            own, foreign = ({row[OWN_IDS[name]] for row in held[name]} for held in (data, theirs))
            assert not own & foreign


def _who(chosen: Chosen) -> tuple[object, ...]:
    return chosen.visitor, chosen.device, chosen.browser
