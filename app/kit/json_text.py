"""JSON as text, nested however deep: checked against its grammar, and taken apart, without recursion."""

import json
import re
from collections.abc import Iterator

_SPACE = rb"[ \t\n\r]*+"
_STRING = rb'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"'
_SCALAR = rb"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)\b"
_TOKEN = re.compile(_SPACE + rb"(?:([][{},:])|(" + _STRING + rb")|(" + _SCALAR + rb"))" + _SPACE)
# What a state makes of a token: a mark as itself, `s` a string, `n` any other scalar. States: before a value; before an
# array's first value or an object's first name; before a further name; before a colon; after a value.
_VALUE = {"s": "after", "n": "after", "[": "first", "{": "name"}
_STEPS = {
    "value": _VALUE,
    "first": {**_VALUE, "]": "after"},
    "name": {"s": "colon", "}": "after"},
    "next": {"s": "colon"},
    "colon": {":": "value"},
    "after": {",": "more", "]": "after", "}": "after"},
}
_CLOSES = {"]": "[", "}": "{"}
# A whole string, or a mark outside of strings; a quote alone opens a string that the text's end cuts.
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[][{}"]', re.DOTALL)


def check(text: bytes) -> None:
    """Raises ValueError where it is no JSON text (RFC 8259). Slower than a parser that recurs, which would stop at a
    depth of some hundred or thousand."""
    state, open_, at = "value", list[str](), 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or (state == "after" and not open_):
            raise ValueError(at)
        kind, at = _kind(token), token.end()
        state = _STEPS[state].get(kind, "")
        if kind in _CLOSES and (not open_ or open_.pop() != _CLOSES[kind]):
            raise ValueError(at)
        if kind in _CLOSES.values():
            open_.append(kind)
        if state == "more":
            state = "next" if open_[-1] == "{" else "value"
        if not state:
            raise ValueError(at)
    if state != "after" or open_:
        raise ValueError(at)


def end_of_brackets(text: bytes) -> int:
    """Where the object or array that the text begins with ends; 0 where the text is cut before that. Looks at brackets
    alone: whether it is JSON, `check` says."""
    depth = 0
    for found in _BRACKETS.finditer(text):
        mark = found[0]
        if mark == b'"':
            return 0
        depth += (mark in (b"[", b"{")) - (mark in (b"]", b"}"))
        if depth == 0:
            return found.end()
    return 0


def parts(text: bytes) -> Iterator[bytes]:
    """What stands between the outermost brackets of a JSON text and its commas there, as it stands."""
    depth, begin = 0, 0
    for token in _TOKEN.finditer(text):
        kind = _kind(token)
        depth += (kind in _CLOSES.values()) - (kind in _CLOSES)
        opens = depth == 1 and kind in _CLOSES.values()
        if opens or depth == 0 or (depth == 1 and kind == ","):
            if not opens and (part := text[begin : token.start(1)].strip()):
                yield part
            begin = token.end()


def members(text: bytes) -> Iterator[tuple[str, bytes]]:
    """The names of a JSON object, and their values as they stand."""
    for part in parts(text):
        if name := _TOKEN.match(part):
            yield json.loads(name[2]), part[name.end() :].removeprefix(b":").strip()


def _kind(token: re.Match[bytes]) -> str:
    return token[1].decode() if token[1] else "s" if token[2] else "n"
