"""The languages that people are addressed in, and texts that are given in one or in several of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from typing_extensions import TypeAliasType

Language = TypeAliasType("Language", Literal["en", "de", "fr", "es", "it"])
LANGUAGES: tuple[Language, ...] = ("en", "de", "fr", "es", "it")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Speech:
    """The language that is wanted, and the one that stands in where a text is not there in it."""

    wanted: Language
    usual: Language

    def say(self, text: T | Mapping[str, T]) -> T:
        """The text in the language wanted, else in the usual one, else in English, else as it was given first."""
        if not isinstance(text, Mapping):
            return text
        order = (self.wanted, self.usual, "en", *text)
        return next(text[language] for language in order if language in text)
