"""An archive is what its manifest says; whatever is changed in it afterwards is found."""

import asyncio
import hashlib
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from app.__main__ import main
from app.archive.document import compact
from app.archive.schema import published
from app.archive.signature import write_signature
from app.kit.errors import Misconfigured
from app.kit.sign import Signer
from app.verify.archive import verify
from app.verify.document import Counted, Malformed, Scanner
from app.verify.signature import read_keys
from tests.builders import archive, document, manifest, request_export, running, write_shop, write_website
from tests.clients.test_archive import HOSTILE, german

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT, MANIFEST, SIGNATURE = "personal-data.json", "META/manifest.json", "META/manifest.json.sig"
Contents = dict[str, bytes]

AWKWARD: list[dict[str, Any]] = [
    {},
    {"": ""},
    {"id": 1, "quotes": '\\"},{"id":"\\\\', "brackets": "]}}[{{", "end": "\\"},
    {"id": 2, "unicode": "שלום 📱 \u2028 é\x7f", "nested": [[], [{}], [{"id": [{"id": 3}, {"id": 4}]}]]},
    {"id": 5, "numbers": [0, -1.5e-300, 12345678901234567890], "words": [True, False, None]},
    {"},{": "},{", '"id":': '],"b":[', '{"id"': ',"sections":{'},
    {"id": 6, "half": "\ud800", "slashes": "\\" * 7 + '"' + "\\" * 8},
]
SECTIONS = {"none": [], "a": AWKWARD, "empty_too": [], "one": [{}], "b_2": [*AWKWARD[::-1], *AWKWARD[:5]], "last": []}


def parts(text: bytes, size: int) -> Iterator[bytes]:
    return (text[place : place + size] for place in range(0, len(text), size))


def spelled(sections: dict[str, Any], *, ascii_only: bool) -> bytes:
    """As JSON without spaces; half surrogates always as escapes, for UTF-8 has none."""
    text = json.dumps(sections, ensure_ascii=ascii_only, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def framed(sections: bytes) -> bytes:
    return b'{"export":{"device":"\\\\\\",x"},"sections":' + sections + b"}"


def scanned(text: bytes, size: int) -> list[Counted]:
    scanner = Scanner(parts(text, size))
    scanner.head()
    return list(scanner.sections())


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("size", [*range(1, 8), 64, 1 << 17])
def test_however_the_document_is_cut_the_scanner_counts_what_json_reads(size: int, *, ascii_only: bool) -> None:
    text = framed(spelled(SECTIONS, ascii_only=ascii_only))
    read = json.loads(text)
    assert json.loads(Scanner(parts(text, size)).head()) == {"export": read["export"]}
    expected = [
        Counted(name, len(rows), len(raw), hashlib.sha256(raw).hexdigest())
        for name, rows in read["sections"].items()
        for raw in [spelled(rows, ascii_only=ascii_only)]
    ]
    assert scanned(text, size) == expected


def test_a_long_row_and_many_short_ones_are_counted_alike() -> None:
    long = {"id": 0, "items": [{"id": n, "text": '"},{"id":'} for n in range(20_000)], "text": "x" * 1_000_000}
    rows = [*AWKWARD[:-1], long, *({"id": n, "deep": [{"id": n}, {"id": n}]} for n in range(50_000)), long]
    raw = compact(rows)
    text = framed(b'{"many":' + raw + b"}")
    assert scanned(text, 1 << 17) == [Counted("many", len(rows), len(raw), hashlib.sha256(raw).hexdigest())]


@pytest.mark.parametrize("size", [1, 3, 1 << 17])
@pytest.mark.parametrize(
    "sections",
    [
        b'{"a":[{},]}', b'{"a":[,{}]}', b'{"a":[{}{}]}', b'{"a":[{},,{}]}', b'{"a":[1]}', b'{"a":["x"]}', b'{"a":[[]]}',
        b'{"a":[null]}', b'{"a":[{"x"}]}', b'{"a":[{"x":01}]}', b'{"a":[{"x":NaN}]}', b'{"a":[{"x":"\\q"}]}',
        b'{"a":[{"x":"\x01"}]}', b'{"a":[{"x":"\xff"}]}', b'{"a":[{"x":[}]}]}', b'{"a":[{"x":"]}', b'{"a":[{]}',
        b'{"a":[}}', b'{"a":[],}', b'{,"a":[]}', b'{"a":[]"b":[]}', b'{"a":{}}', b'{"a" :[]}', b'{"A":[]}', b'{"a":[',
        b'{"a":[]', b'{"a":[]}}', b'{"a":[{"x":' + b"[" * 5000 + b"]" * 4999 + b"}]}",
        b'{"a":[{"x":"\\ud800"},7]}', b'{"a":[{"x":"\\ud800","y":NaN}]}',
    ],
)  # fmt: skip
def test_what_is_no_such_document_is_refused(sections: bytes, size: int) -> None:
    with pytest.raises(Malformed):
        scanned(framed(sections), size)


def test_the_committed_schemas_are_those_of_the_models() -> None:
    for name, schema in published().items():
        jsonschema.Draft202012Validator.check_schema(schema)
        again = "run `python -m app verify --schemas docs` and commit"
        assert json.loads((DOCS / name).read_text()) == schema, again


def described(schema: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    for kind in schema["$defs"].values():
        for name, field in kind.get("properties", {}).items():
            yield name, "description" in field or "$ref" in field


def test_every_published_field_is_described() -> None:
    assert [name for schema in published().values() for name, told in described(schema) if not told] == []


def validate(opened: zipfile.ZipFile) -> None:
    for name, content in (("personal-data", document(opened)), ("manifest", manifest(opened))):
        schema = json.loads((DOCS / f"{name}.schema.json").read_text())
        jsonschema.Draft202012Validator(schema).validate(content)


def written(opened: zipfile.ZipFile, folder: Path) -> Path:
    """The archive's own bytes as a file."""
    assert isinstance(opened.fp, io.BytesIO)
    path = folder / "archive.zip"
    path.write_bytes(opened.fp.getvalue())
    return path


def failures(path: Path) -> list[str]:
    return [f"{check.group}: {check.what}" for check in verify(path) if not check.holds]


async def test_every_archive_is_valid_and_as_its_manifest_says(tmp_path: Path) -> None:
    write_website(tmp_path / "website.db", events=1500)
    write_shop(tmp_path / "shop.db")
    with closing(sqlite3.connect(tmp_path / "website.db")) as database, database:
        meta = json.dumps({"n": 12345678901234567890, "x": HOSTILE, "half": "\ud800"})
        database.execute("UPDATE events SET what = ?, meta = ? WHERE id % 2", (HOSTILE, meta))
    mappings = {"WEBSITE_URL": f"sqlite:///{tmp_path / 'website.db'}", "SHOP_URL": f"sqlite:///{tmp_path / 'shop.db'}"}
    async with (
        running(tmp_path, environ=mappings) as service,
        await service.client() as client,
        await service.client("ute", "administrator", "globex") as other,
    ):
        made = [await archive(client, await request_export(client, device)) for device in ("iPhone", "iPad", None)]
        made += [await archive(client, await request_export(client, source="shop")), await german(other)]
        for opened in made:
            validate(opened)
            assert failures(written(opened, tmp_path)) == []
        statuses = {section["status"] for opened in made for section in manifest(opened)["sections"]}
        assert statuses == {"included", "absent", "withheld"}


async def test_an_empty_section_is_there_and_as_its_manifest_says(tmp_path: Path) -> None:
    async with running(tmp_path, work=False) as service, await service.client() as client:
        address = await request_export(client)
        with closing(sqlite3.connect(tmp_path / "website.db")) as database, database:
            database.execute("DELETE FROM people WHERE id = 1")
        await service.services.run_job()
        opened = await archive(client, address)
        assert b'"demographics":[],"events":[{' in opened.read("personal-data.json")
        (told,) = [one for one in manifest(opened)["sections"] if one["name"] == "demographics"]
        assert (told["rows"], told["bytes"], told["sha256"]) == (0, 2, hashlib.sha256(b"[]").hexdigest())
        validate(opened)
        assert failures(written(opened, tmp_path)) == []


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Jane's archive, as it was downloaded."""
    folder = tmp_path_factory.mktemp("sound")

    async def export() -> Path:
        async with running(folder) as service, await service.client() as client:
            return written(await archive(client, await request_export(client)), folder)

    return asyncio.run(export())


def contents(path: Path) -> Contents:
    with zipfile.ZipFile(path) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def packed(members: Contents, path: Path, mode: int = 0o100644) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            made.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return path


def in_document(old: bytes, new: bytes) -> Callable[[Contents], Contents]:
    def change(members: Contents) -> Contents:
        assert members[DOCUMENT].count(old) == 1
        return members | {DOCUMENT: members[DOCUMENT].replace(old, new)}

    return change


def in_manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Contents], Contents]:
    def changed(members: Contents) -> Contents:
        told = json.loads(members[MANIFEST])
        change(told)
        return members | {MANIFEST: json.dumps(told).encode()}

    return changed


def removed_row(members: Contents) -> Contents:
    raw = members[DOCUMENT]
    cut = raw.rindex(b",{")
    return members | {DOCUMENT: raw[:cut] + raw[raw.rindex(b"]}}") :]}


def swapped_sections(members: Contents) -> Contents:
    head, sections = members[DOCUMENT].split(b'"sections":')
    first, second = sections.removesuffix(b"}}").removeprefix(b"{").split(b',"events":')
    return members | {DOCUMENT: head + b'"sections":{"events":' + second + b"," + first + b"}}"}


def withheld_after_all(told: dict[str, Any]) -> None:
    told["sections"][1] |= dict.fromkeys(("rows", "bytes", "sha256", "first_at", "last_at"))
    told["sections"][1] |= {"status": "withheld", "reason": "because"}


CHANGES: dict[str, tuple[Callable[[Contents], Contents], list[str]]] = {
    "nothing": (dict, []),
    "a byte of a row": (in_document(b"visit 1", b"visit 7"), ["sections: events", f"members: {DOCUMENT}"]),
    "a row": (removed_row, ["sections: events", f"members: {DOCUMENT}"]),
    "the sections' order": (swapped_sections, ["sections: their order", f"members: {DOCUMENT}"]),
    "whose data it is": (in_document(b'"iPhone","browser":"Safari","as_of"', b'"iPad","browser":"Safari","as_of"'),
                         ["document: its export", f"members: {DOCUMENT}"]),
    "a space in the frame": (in_document(b',"notice":', b', "notice":'),
                             ["document: its frame", f"members: {DOCUMENT}"]),
    "a bracket": (in_document(b"{}]}}]}}", b"{}]}]}}}"), ["document: its form", f"members: {DOCUMENT}"]),
    "a member less": (lambda members: {name: members[name] for name in members if name != "report.html"},
                      ["zip: members"]),
    "a member more": (lambda members: {"jane@example.com": b"", **members}, ["zip: members"]),
    "a member's name": (lambda members: {name.replace("README", "README2"): members[name] for name in members},
                        ["zip: members"]),
    "the members' order": (lambda members: dict(reversed(members.items())), ["zip: members"]),
    "the README": (lambda members: members | {"README.txt": members["README.txt"] + b"!"}, ["members: README.txt"]),
    "a count": (in_manifest(lambda told: told["sections"][1].update(rows=4)), ["sections: events"]),
    "a withheld section": (in_manifest(withheld_after_all), ["sections: events", "sections: their order"]),
    "the expiry": (in_manifest(lambda told: told["export"].update(expires_at="2099-01-01T00:00:00Z")),
                   ["manifest: expires_at, counted from compiled_at"]),
    "the total": (in_manifest(lambda told: told["totals"].update(bytes=1)), ["manifest: its total"]),
    "a key": (in_manifest(lambda told: told.update({"jane@example.com": 1})), ["manifest: its form"]),
    "a version": (in_manifest(lambda told: told.update(schema_version="1.2")), ["manifest: its version"]),
    "the first version's name": (in_manifest(lambda told: told.update(schema_version="1.0")), ["manifest: its form"]),
    "no manifest": (lambda members: members | {MANIFEST: b"no JSON"}, ["manifest: its form"]),
}  # fmt: skip


@pytest.mark.parametrize("changed", list(CHANGES))
def test_what_was_changed_is_found_and_named(
    changed: str, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, expected = CHANGES[changed]
    path = packed(change(contents(sound)), tmp_path / "changed.zip")
    assert failures(path) == expected
    assert main(["verify", str(sound), str(path)]) == (1 if expected else 0)
    said = capsys.readouterr().out
    assert f"{sound}: as its manifest says" in said
    for failure in expected:
        assert f"{path}: FAILURE: {failure}\n  expected " in said
    assert not [value for value in ("jane@", "Jane@", "visit ", "iPhone", "iPad", "Acme") if value in said]


def as_first_published(members: Contents) -> Contents:
    """The same archive in the form of schema 1.0, which knew no viewer, labels, languages or absent sections."""
    told = json.loads(members[MANIFEST])
    told["schema_version"] = "1.0"
    for name in ("language", "time_zone"):
        del told["export"][name]
    for section in told["sections"]:
        for name in ("labels", "time", "withheld_rows", "withheld_because"):
            del section[name]
    head, sections = members[DOCUMENT].split(b',"not_included":')
    head = head.replace(b'"schema_version":"1.1"', b'"schema_version":"1.0"')
    kept = {name: content for name, content in members.items() if name not in (MANIFEST, SIGNATURE, "viewer.html")}
    kept[DOCUMENT] = head + sections[sections.index(b',"sections":') :]
    told["members"] = [
        {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in kept.items()
    ]
    told["totals"] = {"members": 4, "bytes": sum(map(len, kept.values()))}
    return kept | {MANIFEST: json.dumps(told).encode()}


def test_an_archive_of_the_first_version_is_still_known(sound: Path, tmp_path: Path) -> None:
    members = as_first_published(contents(sound))
    path = packed(members, tmp_path / "first.zip")
    assert failures(path) == []
    with zipfile.ZipFile(path) as opened:
        validate(opened)
    assert failures(packed(members | {"viewer.html": b""}, path)) == ["zip: members"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What GET /v1/keys of the service answered that compiled the sound archive."""

    async def listed(folder: Path) -> bytes:
        async with running(folder, work=False) as service, service.bare_client() as anybody:
            return (await anybody.get("/v1/keys")).content

    folder = tmp_path_factory.mktemp("keys")
    (folder / "keys.json").write_bytes(asyncio.run(listed(folder)))
    return folder / "keys.json"


def signed(members: Contents, seed: int, *, over: bytes | None = None) -> Contents:
    return members | {SIGNATURE: write_signature(Signer(bytes([seed] * 32)), over or members[MANIFEST])}


SIGNATURES: dict[str, tuple[Callable[[Contents], Contents], str]] = {
    "none": (lambda them: {name: one for name, one in them.items() if name != SIGNATURE}, "unsigned"),
    "another's": (lambda them: signed(them, 7), "signed by a key that you did not give"),
    "of another manifest": (lambda them: them | {MANIFEST: them[MANIFEST] + b"\n"}, "not of this manifest: one of them was changed"),
    "no JSON": (lambda them: them | {SIGNATURE: b"signed"}, "no signature of this form"),
    "no signature": (lambda them: them | {SIGNATURE: b'{"algorithm": "Ed25519", "key": "x", "signature": "eA"}'}, "no signature of this form"),
    "another algorithm": (lambda them: them | {SIGNATURE: them[SIGNATURE].replace(b"Ed25519", b"none")}, "no signature of this form"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "found"), SIGNATURES.values(), ids=SIGNATURES)
def test_whoever_gives_the_keys_learns_whose_word_the_archive_is(
    sound: Path, keys: Path, tmp_path: Path, change: Callable[[Contents], Contents], found: str
) -> None:
    known = read_keys(keys)
    (own,) = known
    assert [str(one.found) for one in verify(sound, known) if one.group == "signature"] == [f"right ({own})"]
    assert all(one.holds for one in verify(sound, known))
    path = packed(change(contents(sound)), tmp_path / "changed.zip")
    (check,) = [one for one in verify(path, known) if one.group == "signature"]
    assert (check.holds, check.found.partition(" (")[0]) == (False, found)


def test_without_keys_it_is_only_said_whose_signature_it_bears(
    sound: Path, keys: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own,) = read_keys(keys)
    assert main(["verify", str(sound)]) == 0
    assert f"the signature: signed by a key that you did not give ({own})" in capsys.readouterr().out
    assert main(["verify", "--keys", str(keys), str(sound)]) == 0
    assert f"the signature: right ({own})" in capsys.readouterr().out
    line = tmp_path / "keys.txt"
    line.write_text("\n".join(one.text for one in read_keys(keys).values()))
    assert main(["verify", "--keys", str(line), str(sound)]) == 0
    first = packed(as_first_published(contents(sound)), tmp_path / "first.zip")
    assert main(["verify", str(first)]) == 0
    assert "the signature: unsigned" in capsys.readouterr().out
    assert main(["verify", "--keys", str(keys), str(first)]) == 1
    for text in ("{}", "no key", "é"):
        line.write_text(text)
        assert main(["verify", "--keys", str(line), str(sound)]) == 2


def test_a_signature_that_was_taken_away_is_missed_without_keys_too(sound: Path, tmp_path: Path) -> None:
    left = {name: one for name, one in contents(sound).items() if name != SIGNATURE}
    assert failures(packed(left, tmp_path / "left.zip")) == ["manifest: its count of files"]


def test_a_link_or_a_program_is_no_plain_file(sound: Path, tmp_path: Path) -> None:
    for mode in (0o120777, 0o100755):
        path = packed(contents(sound), tmp_path / "changed.zip", mode)
        assert failures(path) == [f"zip: kind of {name}" for name in contents(sound)]


@pytest.mark.parametrize("missing", [1, 30, 500, 3000])
def test_an_archive_that_is_cut_off_is_not_as_its_manifest_says(sound: Path, tmp_path: Path, missing: int) -> None:
    path = tmp_path / "cut.zip"
    path.write_bytes(sound.read_bytes()[:-missing])
    assert failures(path) == ["zip: the file"]


@pytest.mark.everywhere
def test_no_change_of_a_byte_that_changes_the_contents_goes_unnoticed(sound: Path, tmp_path: Path) -> None:
    path, raw, before = tmp_path / "changed.zip", sound.read_bytes(), contents(sound)
    for place in range(4, len(raw), 11):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        try:
            noticed = bool(failures(path))
        except Misconfigured:
            noticed = True
        assert noticed or contents(path) == before, place


def test_what_is_no_zip_or_not_there_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.zip").write_text("no ZIP")
    for name, sentence in (("text.zip", "is not a ZIP"), ("none.zip", "No such file"), ("", "Is a directory")):
        assert main(["verify", str(tmp_path / name)]) == 2
        assert sentence in capsys.readouterr().err


def test_the_command_needs_archives_or_a_folder() -> None:
    for arguments in ([], ["x.zip", "--schemas", "docs"]):
        with pytest.raises(SystemExit, match="2"):
            main(["verify", *arguments])


def test_a_zip_of_a_version_that_nobody_reads_is_told_as_damage(sound: Path, tmp_path: Path) -> None:
    raw, path = bytearray(sound.read_bytes()), tmp_path / "later.zip"
    # The version needed to extract, in the first entry of the central directory (APPNOTE.TXT, 4.3.12).
    raw[raw.index(b"PK\x01\x02") + 6] = 99
    path.write_bytes(raw)
    assert [(check.group, check.found) for check in verify(path)] == [("zip", "cut off or damaged")]
