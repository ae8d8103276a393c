"""What an administrator types: a Tracking ID or an email, normalised for searching and masked for showing."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from typing_extensions import TypeAliasType

from app.kit.text import no_controls, not_blank, visible
from app.kit.view import NOT_BLANK

Kind = Literal["email", "tracking_id"]
# Its name in the contract.
IdentifierKind = TypeAliasType("IdentifierKind", Kind)
# What a client may send as one.
IdentifierText = Annotated[
    str,
    Field(min_length=1, max_length=512, json_schema_extra={"pattern": NOT_BLANK}),
    AfterValidator(no_controls),
    AfterValidator(not_blank),
]
_SHORT = 8
# A local part without quotes (RFC 5321, 4.1.2), and a domain that ends in letters, as all that can be reached do.
_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\\\]\x00-\x1f]{1,64}@(?:[\w-]+\.)+(?:[^\W\d_]{2,}|xn--[a-z\d-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Identifier:
    """An identifier of one kind. `text` is what is searched for: exactly, never as a pattern."""

    kind: Kind
    text: str

    @classmethod
    def typed(cls, text: str, kind: Kind | None = None) -> "Identifier":
        """Trims; without a kind, something with an `@` is an email, and emails are NFC and lower case."""
        kind = kind or ("email" if "@" in text else "tracking_id")
        trimmed = text.strip()
        return cls(kind, unicodedata.normalize("NFC", trimmed).lower() if kind == "email" else trimmed)

    @property
    def masked(self) -> str:
        return mask(self.text, self.kind)


def mask(text: str, kind: Kind | None = None) -> str:
    """An email as its first letter and domain, anything else as its first and last two characters. Without a kind only
    what can be an email is taken for one: of a Tracking ID with an `@` the domain would show almost all."""
    local, _, domain = text.rpartition("@")
    if local and kind != "tracking_id" and (kind == "email" or _EMAIL.fullmatch(text)):
        return visible(f"{local[0]}•••@{domain}")
    return "•••" if len(text) < _SHORT else visible(f"{text[:2]}•••{text[-2:]}")
