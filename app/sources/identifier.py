"""What an administrator types: a Tracking ID or an email, normalised for searching and masked for showing."""

import unicodedata
from dataclasses import dataclass
from typing import Literal

Kind = Literal["email", "tracking_id"]
_SHORT = 8


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
        return mask(self.text)


def mask(text: str) -> str:
    """An email as its first letter and domain, anything else as its first and last two characters."""
    local, at, domain = text.rpartition("@")
    if at and local:
        return f"{local[0]}•••@{domain}"
    return "•••" if len(text) < _SHORT else f"{text[:2]}•••{text[-2:]}"
