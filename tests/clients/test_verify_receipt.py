"""A receipt is what was signed; whatever is changed in it afterwards is found, offline."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.__main__ import main
from app.archive.receipt import FORMAT, read_receipt, sealed
from app.kit.errors import Misconfigured
from app.kit.sign import Signer
from app.verify.receipt import verify_receipt
from app.verify.signature import read_keys
from tests.erasures import STEPS, erased, eraser, erasing

KEPT = """
[[erase]]
table = "invoices"
title = "Invoices"
action = "keep"
because = "the law wants them"
count = "SELECT 3 WHERE :visitor IS NOT NULL"
"""
Path_ = tuple[str | int, ...]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a receipt, and the keys of the service that made it."""

    async def made(folder: Path) -> None:
        async with erasing(folder, steps=STEPS + KEPT) as service, await eraser(service) as client:
            item = await erased(client, service, case_reference="DSAR-17")
            (folder / "receipt.json").write_bytes((await client.get(item["links"]["receipt"])).content)
            (folder / "keys.json").write_bytes((await client.get("/v1/keys")).content)

    folder = tmp_path_factory.mktemp("receipt")
    asyncio.run(made(folder))
    return folder


@pytest.fixture
def receipt(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "receipt.json").read_text())
    return told


def places(value: Any, at: Path_ = ()) -> Iterator[Path_]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*at, key)
            yield from places(inner, (*at, key))


def other_values(value: Any) -> list[Any]:
    """What somebody might write instead; the last letter of a signature has bits that stand for nothing."""
    if isinstance(value, str):
        return [None, value + "x", "x", *([value[:-1] + chr(ord(value[-1]) + 1), value[:-1]] if value else [])]
    if isinstance(value, int):
        return [value + 1, float(value), str(value)]
    return ["x", [*value, "x"], [*value, *value]] if isinstance(value, list) else ["x", 0]


def changes(receipt: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for *way, last in places(receipt):
        for change in (*other_values(_inside(receipt, [*way, last])), "gone"):
            told = json.loads(json.dumps(receipt))
            if change == "gone":
                del _inside(told, way)[last]
            else:
                _inside(told, way)[last] = change
            if json.dumps(told) != json.dumps(receipt):
                yield f"{way} {last} {change!r}", json.dumps(told)


def _inside(value: Any, way: list[str | int]) -> Any:
    for one in way:
        value = value[one]
    return value


def failures(text: str, folder: Path, tmp_path: Path) -> list[str]:
    path = tmp_path / "changed.json"
    path.write_text(text)
    try:
        checks = list(verify_receipt(path, read_keys(folder / "keys.json")))
    except Misconfigured as error:
        return [str(error)]
    return [f"{check.group}: {check.found}" for check in checks if not check.holds]


def test_a_receipt_as_it_was_handed_out_holds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--keys", str(folder / "keys.json"), str(folder / "receipt.json")]) == 0
    said = capsys.readouterr().out
    (key,) = read_keys(folder / "keys.json")
    assert said.endswith(f"an erasure receipt, {FORMAT}, whose counts hold; the signature: right ({key})\n")
    assert "receipt   1 checks, none failed\ncounts    3 checks, none failed\n" in said
    assert "  1. events               deleted, 5 rows before, 0 after\n" in said
    assert "  3. invoices             kept, 3 rows before, 3 after\n" in said


def test_it_may_be_spelled_in_another_order_and_space(folder: Path, receipt: dict[str, Any], tmp_path: Path) -> None:
    assert failures(json.dumps(receipt, sort_keys=True), folder, tmp_path) == []


def test_every_member_that_was_changed_is_noticed(folder: Path, receipt: dict[str, Any], tmp_path: Path) -> None:
    walked = list(changes(receipt))
    assert len(walked) > 150
    assert [what for what, text in walked if not failures(text, folder, tmp_path)] == []
    twice = json.dumps(receipt).replace("{", '{"visitor": "K•••@example.com", ', 1)
    assert failures(twice, folder, tmp_path) == ["receipt: cut off, or with other members or values"]
    assert failures(json.dumps(receipt | {"visitor": "K"}), folder, tmp_path) == [
        f"signature: not of this receipt: one of them was changed ({receipt['key']})"
    ]


@pytest.mark.parametrize(
    ("step", "counts", "found"),
    [
        (0, {"rows_after": 1}, "deleted, 5 rows before, 1 after"),
        (2, {"rows_after": 2}, "kept, 3 rows before, 2 after"),
        (0, {"action": "hide"}, "in a way that is not known, 5 rows before, 0 after"),
    ],
)
def test_counts_that_do_not_hold_are_named_however_right_the_signature_is(
    receipt: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], step: int, counts: Any, found: str
) -> None:
    receipt["steps"][step] |= counts
    path = tmp_path / "receipt.json"
    path.write_text(sealed(read_receipt(json.dumps(receipt)), Signer(bytes(32))))
    (tmp_path / "keys").write_text(Signer(bytes(32)).public.text)
    assert main(["verify", "--keys", str(tmp_path / "keys"), str(path)]) == 1
    said = capsys.readouterr().out
    assert (said.count("FAILURE"), f"FAILURE: counts: {step + 1}. " in said, f"found    {found}" in said) == (
        1,
        True,
        True,
    )


def test_whose_word_it_is_is_said_and_with_keys_it_must_be_theirs(
    folder: Path, receipt: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = f"signed by a key that you did not give ({receipt['key']})"
    assert main(["verify", str(folder / "receipt.json")]) == 0
    assert f"the signature: {unknown}" in capsys.readouterr().out
    (tmp_path / "keys").write_text(Signer(bytes(32)).public.text)
    assert main(["verify", "--keys", str(tmp_path / "keys"), str(folder / "receipt.json")]) == 1
    assert f"FAILURE: signature: of the receipt\n  expected right ({receipt['key']})\n  found    {unknown}" in (
        capsys.readouterr().out
    )


def test_what_is_no_receipt_is_said_to_be_none(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "it.json"
    for text in (b"{}", b'{"format": "x"}', b"{\xff\x00", b"{" * 100_000):
        path.write_bytes(text)
        assert main(["verify", str(path)]) == 2
        assert f"{path} is neither an archive nor the receipt of an erasure" in capsys.readouterr().err
    whole = (folder / "receipt.json").read_bytes()
    deep = whole.replace(b'"steps": [', b'"steps": ' + b"[" * 100_000)
    for text in (whole[:-9], whole.replace(b"receipt/1", b"receipt/2"), whole.replace(b"events", b"\xff"), deep):
        path.write_bytes(text)
        assert main(["verify", str(path)]) == 1
        assert f"{path}: FAILURE: receipt: its form" in capsys.readouterr().out
