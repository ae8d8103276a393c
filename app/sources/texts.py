"""Texts for people in a mapping: one for all languages, or a table of them by language."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, TypeGuard, TypeVar

from pydantic import BeforeValidator, PlainValidator

from app.kit.language import LANGUAGES

_CODE = re.compile(r"[a-z]{2}")
_TEXT = 'must be a text, or texts by language such as {en = "…", de = "…"}; none of them empty'
_TEXTS = 'must be a text or a list of texts, or these by language such as {en = ["…"], de = ["…"]}'
T = TypeVar("T")


def by_key(value: object) -> object:
    """A table may be given once for each language, `{en = {contact = "…"}}`, or have texts by language at each key,
    `{contact = {en = "…"}}`: the first is turned into the second."""
    if not _is_by_language(value):
        return value
    turned: dict[str, dict[str, object]] = {}
    for language, table in value.items():
        for key, text in table.items():
            turned.setdefault(key, {})[language] = text
    return turned


def _is_by_language(value: object) -> TypeGuard[dict[str, dict[str, object]]]:
    """Also where columns are called like languages: those hold texts by language, so that they are no languages."""
    known = set(LANGUAGES)
    if not isinstance(value, dict) or not value or not known.issuperset(value):
        return False
    tables = [table for table in value.values() if isinstance(table, dict)]
    return len(tables) == len(value) and not all(known.issuperset(table) for table in tables)


def _one(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(_TEXT)
    return value


def _one_or_more(value: object) -> str | tuple[str, ...]:
    if isinstance(value, list) and value and all(isinstance(one, str) and one.strip() for one in value):
        return tuple(value)
    if isinstance(value, str) and value.strip():
        return value
    raise ValueError(_TEXTS)


def _in_languages(form: Callable[[object], T]) -> Callable[[object], T | Mapping[str, T]]:
    def check(value: object) -> T | Mapping[str, T]:
        if not isinstance(value, dict) or not value:
            return form(value)
        for language in value:
            if not _CODE.fullmatch(language):
                known = ", ".join(LANGUAGES)
                raise ValueError(f"{language!r} is no language; write two letters, of which {known} are known")
        return {language: form(text) for language, text in value.items()}

    return check


Said = Annotated[str | Mapping[str, str], PlainValidator(_in_languages(_one))]
Names = str | tuple[str, ...]
Recipients = Annotated[Names | Mapping[str, Names], PlainValidator(_in_languages(_one_or_more))]
Labels = Annotated[dict[str, Said], BeforeValidator(by_key)]
