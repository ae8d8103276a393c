"""Text from outside: what no field of the contract may hold."""

import unicodedata

_REFUSED = ("Cc", "Cs")


def no_controls(text: str) -> str:
    """The text itself. Raises ValueError for control characters and halves of surrogate pairs."""
    if any(unicodedata.category(letter) in _REFUSED for letter in text):
        raise ValueError("must not contain control characters")
    return text


def not_blank(text: str) -> str:
    """The text itself. Raises ValueError if nothing but white space is in it."""
    if not text.strip():
        raise ValueError("must not be empty")
    return text
