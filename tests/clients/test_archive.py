"""What is handed over, opened by an independent reader."""

import hashlib
import json
import sqlite3
import stat
import zipfile
from contextlib import closing
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import httpx

from tests.builders import BASE, archive, candidate, document, manifest, request_export, running, write_website
from tests.small import HERE, mapping, personal, section, toml, write_mappings

HOSTILE = "</td></script><script>alert(1)</script><img src=x onerror=alert(1)> & \"quoted\" 'single' 📱 שלום"


class Page(HTMLParser):
    """Collects tags, attributes and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(opened: zipfile.ZipFile) -> Page:
    page = Page()
    page.feed(opened.read("report.html").decode())
    return page


async def test_members_are_what_every_unpacker_takes(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        opened = await archive(client, await request_export(client))
        as_of = datetime.fromisoformat(document(opened)["export"]["as_of"])
        readme, data, *_ = opened.infolist()
        # ZIP64 asks for version 4.5, and Safari wants none of it in the first member.
        assert (readme.extract_version, data.extract_version) == (20, 45)
        for member in opened.infolist():
            assert member.flag_bits & 0x800
            assert stat.S_ISREG(member.external_attr >> 16)
            assert not (member.external_attr >> 16) & 0o111
            assert member.date_time[:5] == (as_of.year, as_of.month, as_of.day, as_of.hour, as_of.minute)


async def test_the_document_is_framed_without_white_space_and_sections_stand_in_order(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        opened = await archive(client, await request_export(client))
        raw, data = opened.read("personal-data.json").decode(), document(opened)
        assert list(data) == ["schema_version", "export", "notice", "not_included", "sections"]
        assert list(data["export"]) == ["id", "data_center", "data_source", "device", "browser", "as_of"]
        assert data["export"]["data_source"] == {"id": "website", "title": "Website"}
        assert set(data["notice"]) == {"controller", "contact", "rights", "authority"}
        assert list(data["sections"]) == ["demographics", "events"]
        assert raw.startswith('{"schema_version":"1.1","export":{"id":"')
        assert '"},"notice":{"controller":"Acme Ltd",' in raw
        assert '"}],"sections":{"demographics":[{"' in raw
        assert [(one["section"], one["status"]) for one in data["not_included"]] == [("surveys", "absent")]
        assert '}],"events":[{"' in raw
        assert raw.endswith("}]}}")


async def test_the_manifest_says_what_is_in_and_what_is_not_and_why(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        address = await request_export(client)
        told = manifest(await archive(client, address))
        export = (await client.get(address)).json()
        for name in ("compiled_at", "expires_at"):
            assert told["export"][name] == export[name]
        mapping = Path(__file__).parents[1] / "sources" / "acme" / "website.toml"
        assert told["export"]["mapping_sha256"] == hashlib.sha256(mapping.read_bytes()).hexdigest()
        events, surveys = (
            next(one for one in told["sections"] if one["name"] == name) for name in ("events", "surveys")
        )
        assert (events["rows"], events["first_at"], events["last_at"]) == (
            3,
            "2026-01-02T03:04:00Z",
            "2026-01-02T03:04:02.000002Z",
        )
        assert (surveys["status"], surveys["rows"], surveys["bytes"], surveys["sha256"]) == ("absent", None, None, None)
        assert told["omitted"] == [{"table": "locks", "reason": "technical, emptied hourly"}]
        assert told["other_combinations"] == 2


async def test_two_exports_of_unchanged_data_have_the_same_sections_byte_for_byte(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        read = [(await archive(client, await request_export(client))).read("personal-data.json") for _ in range(2)]
        first, second = (raw[raw.index(b'"sections":') :] for raw in read)
        assert first == second
        assert read[0] != read[1]


async def test_the_report_escapes_every_value_and_loads_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        with closing(sqlite3.connect(tmp_path / "website.db")) as database, database:
            database.execute("UPDATE events SET what = ? WHERE device = 'iPhone'", (HOSTILE,))
            database.execute(
                "UPDATE events SET meta = ? WHERE device = 'iPhone'",
                (json.dumps({"n": 12345678901234567890, "x": HOSTILE}),),
            )
        opened = await archive(client, await request_export(client))
        page = page_of(opened)
        assert HOSTILE in page.text
        assert "12345678901234567890" in page.text
        assert not {"script", "img", "link", "iframe", "object", "form"} & set(page.tags)
        assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
        outside = {value for name, value in page.attributes if name == "href" and not (value or "").startswith("#")}
        assert outside == {"mailto:privacy@acme.example"}
        assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes
        assert "Jane@example.com" in page.text
        assert document(opened)["sections"]["events"][0]["what"] == HOSTILE


async def test_the_report_shows_the_200_latest_and_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, events=1500) as service, await service.client() as client:
        page = page_of(await archive(client, await request_export(client)))
        assert "The 200 newest of 1,500 entries." in page.text
        assert page.tags.count("rect") == 1


async def german(client: httpx.AsyncClient) -> zipfile.ZipFile:
    base = "/v1/data-centers/globex"
    found = await client.post(f"{base}/visitors/search", json={"identifier": "jane@example.com"})
    token = found.json()["data_sources"][0]["visitors"][0]["combinations"][0]["candidate"]
    made = await client.post(f"{base}/exports", json={"candidate": token})
    return await archive(client, made.headers["location"])


async def test_a_data_center_speaks_its_language(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client("maria", "administrator", "globex") as client:
        opened = await german(client)
        assert "Ihre persönlichen Daten" in opened.read("README.txt").decode()
        page = page_of(opened)
        assert ("lang", "de") in page.attributes
        assert "Auf einen Blick" in page.text
        assert "Globex Inc" in page.text


SPOKEN = mapping(
    section(
        sql=f"SELECT id, at, what FROM events WHERE {HERE} ORDER BY id", time="at",
        title={"en": "What you did", "fr": "Ce que vous avez fait"}, purpose={"de": "Messen", "en": "Measuring"},
        labels={"en": {"at": "When", "what": "What"}, "fr": {"at": "Quand"}},
    ),
    personal(title={"fr": "Qui vous êtes"}, optional=True, sql="SELECT 1 FROM nowhere WHERE :visitor = 1 ORDER BY 1"),
    title={"en": "Website", "fr": "Site"}, omitted={"locks": {"en": "technical", "fr": "technique"}},
    time_zone="Europe/Paris",
)  # fmt: skip


async def test_the_language_of_the_request_goes_through_the_whole_archive(tmp_path: Path) -> None:
    mappings = write_mappings(tmp_path, toml(SPOKEN))
    environ = {"WEBSITE_URL": f"sqlite:///{tmp_path / 'website.db'}"}
    write_website(tmp_path / "website.db")
    async with running(tmp_path, mappings=mappings, environ=environ) as service, await service.client() as client:
        token = await candidate(client)
        made = await client.post(f"{BASE}/exports", json={"candidate": token, "language": "fr"})
        assert made.json()["data_source"]["title"] == "Website"
        opened = await archive(client, made.headers["location"])
    told, data = manifest(opened), document(opened)
    assert (told["export"]["language"], told["export"]["time_zone"]) == ("fr", "Europe/Paris")
    events, person = told["sections"]
    assert (events["title"], events["purpose"], person["title"]) == (
        "Ce que vous avez fait",
        "Measuring",
        "Qui vous êtes",
    )
    assert (events["labels"], events["time"]) == ({"at": "Quand", "what": "What"}, "at")
    reason = "cette source de données n’a pas de telle table ou colonne"
    assert told["omitted"] == [{"table": "locks", "reason": "technique"}]
    absent = {"section": "person", "title": "Qui vous êtes", "status": "absent", "reason": reason}
    assert (data["not_included"], person["reason"]) == ([absent], reason)
    assert list(data["sections"]["events"][0]) == ["id", "at", "what"]
    readme, page = opened.read("README.txt").decode(), page_of(opened)
    for text in (readme, page.text):
        assert "Vos données personnelles chez Acme" in text
        assert "Qui vous êtes" in text
        assert "La table « locks »" in text
    assert ("lang", "fr") in page.attributes
    assert "Quand" in page.text
    assert "2 janv. 2026, 04:04:00" in page.text


async def test_a_visitor_of_whom_everything_is_withheld_gets_an_archive_that_says_so(tmp_path: Path) -> None:
    mappings = write_mappings(tmp_path, toml(mapping(personal(title="Who you are"))))
    environ = {"WEBSITE_URL": f"sqlite:///{tmp_path / 'website.db'}"}
    write_website(tmp_path / "website.db")
    async with running(tmp_path, mappings=mappings, environ=environ) as service, await service.client() as client:
        opened = await archive(client, await request_export(client, "iPad"))
    said = "several people used this device and browser, and these data do not say which of them they belong to"
    assert (document(opened)["sections"], document(opened)["not_included"][0]["reason"]) == ({}, said)
    assert f"- Who you are: {said}." in opened.read("README.txt").decode()
    assert f"Not in this archive: {said}." in page_of(opened).text
    assert "timeline" not in opened.read("report.html").decode().partition("<body>")[2]


async def test_a_language_that_nobody_speaks_here_is_named(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        body = {"candidate": await candidate(client), "language": "nl"}
        refused = await client.post(f"{BASE}/exports", json=body)
        assert refused.status_code == 422
        assert "'en', 'de', 'fr', 'es' or 'it'" in refused.text


async def test_the_readme_names_whose_data_it_is_and_what_to_open_first(tmp_path: Path) -> None:
    async with running(tmp_path) as service, await service.client() as client:
        opened = await archive(client, await request_export(client))
        readme = opened.read("README.txt").decode()
        for part in (
            "Acme",
            "Website",
            "iPhone",
            "Safari",
            "report.html",
            "privacy@acme.example",
            "data protection authority",
        ):
            assert part in readme
        assert f"{BASE}" not in readme


async def test_what_steers_a_terminal_or_turns_the_text_is_made_visible(tmp_path: Path) -> None:
    steering = "Saf\x1b[2Jari\r\nSigned: the controller\u202e\u2028\x9b"
    async with running(tmp_path) as service, await service.client() as client:
        with closing(sqlite3.connect(tmp_path / "website.db")) as database, database:
            database.execute("UPDATE events SET browser = ?, what = ? WHERE device = 'iPhone'", (steering, steering))
        opened = await archive(client, await request_export(client))
        shown = "Saf␛[2Jari␍␊Signed: the controller[U+202E][U+2028][U+009B]"
        readme = opened.read("README.txt").decode()
        assert shown in readme
        page = page_of(opened)
        assert shown in page.text
        assert "Saf␛[2Jari\nSigned: the controller[U+202E]" in page.text
        for text in (readme, page.text):
            assert not set(text) & set("\x1b\r\u202e\u2028\x9b")
        assert document(opened)["export"]["browser"] == document(opened)["sections"]["events"][0]["what"] == steering
