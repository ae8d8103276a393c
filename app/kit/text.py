"""Text from outside: what no field of the contract may hold, and what no reader may be fooled by."""

import unicodedata

_REFUSED = ("Cc", "Cs")
# Separators of lines and paragraphs, and what turns the reading direction in Unicode's algorithm for it (UAX 9).
_TURNING = {0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_PICTURES, _DELETE, _SPACE = 0x2400, 0x7F, 0x20


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


def visible(text: str, but: str = "") -> str:
    """Shows every character that would begin a line, move the cursor or turn the reading direction."""
    if text.isprintable():
        return text
    return "".join(letter if letter in but else _shown(letter) for letter in text)


def storable(text: str | None) -> str | None:
    """What every database keeps as text: PostgreSQL takes neither NUL nor halves of surrogate pairs."""
    return None if text is None else text.replace("\0", "␀").encode("utf-8", "replace").decode()


def _shown(letter: str) -> str:
    code = ord(letter)
    if code < _SPACE:
        return chr(_PICTURES + code)
    if code == _DELETE:
        return "␡"
    hidden = code in _TURNING or unicodedata.category(letter) in _REFUSED
    return f"[U+{code:04X}]" if hidden else letter
