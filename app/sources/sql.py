"""The SELECTs of a mapping: finds `:name` parameters outside quotes and comments, and binds values to them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Bound = TypeVar("Bound")

# What each engine takes for a comment, a string or a quoted name, in which nothing is a parameter.
_QUOTED = {
    "postgresql": r"""
        --[^\n]* | /\*.*?\*/
      | (?<!\w)[eE]'(?:[^'\\]|\\.|'')*'                # a string with escapes
      | '(?:[^']|'')*' | "(?:[^"]|"")*"
      | \$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$  # a dollar-quoted string
      | ::                                             # a cast
    """,
    "sqlite": r"""
        --[^\n]* | /\*.*?(?:\*/|\Z)
      | '(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[A-Za-z_][^\]]*\]
    """,
    # The session's sql_mode has neither NO_BACKSLASH_ESCAPES nor ANSI_QUOTES. What stands in /*! … */ is executed.
    "mariadb": r"""
        --(?=\s|\Z)[^\n]* | \#[^\n]* | /\*(?![!M]).*?\*/
      | '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`]|``)*`
    """,
}
_TOKENS = {
    engine: re.compile(rf"(?:{quoted}) | :(?P<name>[A-Za-z_]\w*)", re.VERBOSE | re.DOTALL)
    for engine, quoted in _QUOTED.items()
}


_QUOTES = {"postgresql": '"', "sqlite": '"', "mariadb": "`"}
_PLACE = re.compile(r"(?P<before>\w*)\{(?P<name>[a-z_]+)\}(?P<after>\w*)")


def inserted(text: str, engine: str, names: Mapping[str, str]) -> str:
    """The text with names of tables and schemas instead of `{prefix}`: together with the letters around it each is one
    quoted name, `{prefix}log_visit` for example; within a string it is part of the string. Other braces stay."""

    def one(place: re.Match[str], *, quoted: bool) -> str:
        if place["name"] not in names:
            return place[0]
        name = place["before"] + names[place["name"]] + place["after"]
        quote = "'" if quoted else _QUOTES[engine]
        doubled = name.replace(quote, quote * 2)
        return doubled if quoted else f"{quote}{doubled}{quote}"

    made, start = "", 0
    for token in _TOKENS[engine].finditer(text):
        made += _PLACE.sub(lambda place: one(place, quoted=False), text[start : token.start()])
        made += _PLACE.sub(lambda place: one(place, quoted=True), token[0]) if token[0][0] == "'" else token[0]
        start = token.end()
    return made + _PLACE.sub(lambda place: one(place, quoted=False), text[start:])


@dataclass(frozen=True, slots=True)
class Statement:
    """The text between the parameters (one piece more than names), and the parameters' names in order."""

    pieces: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, engine: str) -> "Statement":
        pieces, names, start = [], [], 0
        for token in _TOKENS[engine].finditer(text):
            if token["name"]:
                pieces.append(text[start : token.start()])
                names.append(token["name"])
                start = token.end()
        # The line break ends a trailing comment, so that the statement can stand inside another.
        pieces.append(text[start:].rstrip().removesuffix(";") + "\n")
        return cls(tuple(pieces), tuple(names))

    def inside(self, before: str, after: str) -> "Statement":
        """This statement within another's text, its parameters the same."""
        *first, last = self.pieces
        if not first:
            return Statement((before + last + after,), ())
        return Statement((before + first[0], *first[1:], last + after), self.names)

    def written(self, name: str, text: str) -> "Statement":
        """With a text instead of a parameter; never one that somebody typed."""
        pieces, names = [self.pieces[0]], list[str]()
        for one, piece in zip(self.names, self.pieces[1:], strict=True):
            if one == name:
                pieces[-1] += text + piece
            else:
                pieces.append(piece)
                names.append(one)
        return Statement(tuple(pieces), tuple(names))

    def bind(
        self, values: Mapping[str, Bound | tuple[Bound, ...]], mark: Callable[[int], str]
    ) -> tuple[str, list[Bound]]:
        """The text with the engine's marks (`mark(1)`, …) and the values for them; a tuple becomes a list of marks."""
        text, bound = self.pieces[0], list[Bound]()
        for name, piece in zip(self.names, self.pieces[1:], strict=True):
            value = values[name]
            several = value if isinstance(value, tuple) else (value,)
            marks = [mark(len(bound) + number) for number in range(1, len(several) + 1)]
            bound.extend(several)
            text += ", ".join(marks) + piece
        return text, bound
