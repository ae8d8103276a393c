"""Checks the receipt of an erasure offline: its form, what it says was left, and whose word it is."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.archive.receipt import FORMAT, Receipt, ReceiptStep, read_receipt, signed_bytes
from app.archive.signature import Signature
from app.kit.errors import Misconfigured
from app.kit.sign import PublicKey
from app.kit.text import visible
from app.verify.archive import Check
from app.verify.signature import RIGHT, may_be, named, word_of

_BEGINNING, _MARK = b"{", FORMAT.rpartition("/")[0].encode()
_FORM, _LARGEST = "as published", 16 << 20
_WRONG = "not of this receipt: one of them was changed"
_DONE = {"delete": "deleted", "anonymise": "anonymised", "keep": "kept"}


def is_receipt(path: Path) -> bool:
    """Whether it begins as one; what cannot be read does not."""
    try:
        with path.open("rb") as file:
            return file.read(1) == _BEGINNING
    except OSError:
        return False


def verify_receipt(path: Path, keys: Mapping[str, PublicKey] | None = None) -> Iterator[Check]:
    """With public keys, by their ids, it must be signed by one of them; without, whose signature it bears is only
    said. Raises Misconfigured if it is no receipt at all."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}.") from error
    if _MARK not in text:
        raise Misconfigured(
            f"{path} is neither an archive nor the receipt of an erasure; name one as it was downloaded."
        )
    yield from _checks(text, keys)


def _checks(text: bytes, keys: Mapping[str, PublicKey] | None) -> Iterator[Check]:
    try:
        told = json.loads(text, object_pairs_hook=_once)
        found = _FORM if told["format"] == FORMAT else "of another version, or changed"
        receipt = read_receipt(text) if found == _FORM else None
    except (ValueError, LookupError, TypeError, RecursionError):
        told, receipt, found = {}, None, "cut off, or with other members or values"
    yield Check("receipt", f"its form, {FORMAT}", _FORM, found)
    if receipt is not None:
        yield from _counts(receipt.steps)
        yield _signature(receipt, told, keys)


def _once(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Raises ValueError for a name that is there twice: readers would differ in which one counts (RFC 8785, 3.1)."""
    told = dict(members)
    if len(told) != len(members):
        raise ValueError("a member is there twice")
    return told


def _counts(steps: Sequence[ReceiptStep]) -> Iterator[Check]:
    """What is kept may have grown meanwhile."""
    for number, step in enumerate(steps, 1):
        found = f"{_DONE.get(step.action, 'in a way that is not known')}, {_rows(step.rows_before, step.rows_after)}"
        wanted = step.rows_after if step.action == "keep" else 0
        expected = f"{_DONE.get(step.action, 'deleted, anonymised or kept')}, {_rows(step.rows_before, wanted)}"
        if step.action == "keep" and step.rows_after < step.rows_before:
            expected = f"kept, {step.rows_before:,} rows before, as many or more after"
        yield Check("counts", f"{number}. {visible(step.table)}", expected, found)


def _rows(before: int, after: int) -> str:
    return f"{before:,} rows before, {after:,} after"


def _signature(receipt: Receipt, told: Mapping[str, Any], keys: Mapping[str, PublicKey] | None) -> Check:
    """Over what stands in the file: a member that is missing is not what it would be by default."""
    signature = Signature(receipt.algorithm, receipt.key, receipt.signature)
    found, key = word_of(signature, signed_bytes(dict(told)), keys or {}, _WRONG)
    expected = found if keys is None and may_be(found) else RIGHT
    return Check("signature", "of the receipt", expected + named(key), found + named(key))
