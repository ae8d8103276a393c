"""The receipt of an erasure: signed JSON that proves what was erased, and the same as one page."""

import base64
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from jinja2 import Environment

from app.archive.translator import Translator
from app.kit.language import LANGUAGES
from app.kit.sign import ALGORITHM, Signer
from app.kit.text import visible

FORMAT = "dossier-erasure-receipt/1"


class ReceiptStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of the visitor's rows in one table; `action` is `delete`, `anonymise` or `keep`."""

    table: str
    title: str
    action: str
    because: str | None
    rows_before: int
    rows_after: int


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The visitor is the masked label; moments are RFC 3339; `key` is the public key's id, as /v1/keys lists it;
    `signature` is base64url without padding."""

    format: str = FORMAT
    id: str
    data_center: str
    data_center_title: str
    data_source: str
    data_source_title: str
    language: str
    visitor: str
    scope: str
    device: str | None
    browser: str | None
    case_reference: str | None
    requested_by: str
    requested_at: str
    approved_by: str | None
    approved_at: str | None
    erased_at: str
    backups_until: str | None
    steps: Sequence[ReceiptStep]
    revoked_exports: Sequence[str]
    mapping_sha256: str
    algorithm: str = ALGORITHM
    key: str = ""
    signature: str = ""


def sealed(receipt: Receipt, signer: Signer) -> str:
    """Signed, as JSON."""
    receipt = msgspec.structs.replace(receipt, key=signer.public.id)
    signature = base64.urlsafe_b64encode(signer.sign(signed_bytes(msgspec.to_builtins(receipt)))).decode().rstrip("=")
    told = msgspec.structs.replace(receipt, signature=signature)
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def signed_bytes(receipt: dict[str, Any]) -> bytes:
    """All members but the signature in the one spelling of RFC 8785: sorted, without white space, in UTF-8. There are
    texts, whole numbers and null in it, and names in ASCII, for which that is what Python's own writer does."""
    told = {name: value for name, value in receipt.items() if name != "signature"}
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def read_receipt(text: str | bytes) -> Receipt:
    """Raises ValueError where it is none."""
    receipt = msgspec.json.decode(text, type=Receipt)
    if receipt.format != FORMAT:
        raise ValueError("another format")
    return receipt


def receipt_page(text: str, templates: Environment) -> Iterator[bytes]:
    """One HTML page in the data center's language, without script or remote resource."""
    receipt = read_receipt(text)
    translator = Translator(next((one for one in LANGUAGES if one == receipt.language), "en"), None)
    pieces = templates.get_template("receipt.html.jinja").stream(
        receipt=receipt, say=translator.say, translator=translator, visible=visible, moment=datetime.fromisoformat
    )
    return (piece.encode("utf-8", "backslashreplace") for piece in pieces)
