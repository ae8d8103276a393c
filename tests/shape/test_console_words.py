"""The page's catalogues: every text in every language, and none that nobody says."""

import json
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "app" / "console" / "page"
LANGUAGES = ("en", "de")


def words(language: str) -> dict[str, str | dict[str, str]]:
    found: dict[str, str | dict[str, str]] = json.loads((PAGE / f"words.{language}.json").read_text())
    return found


def places(text: str | dict[str, str]) -> set[str]:
    """What is put into a text; a plural may say one of its forms without the number."""
    return set(re.findall(r"{(\w+)}", text if isinstance(text, str) else " ".join(text.values())))


def test_the_languages_say_the_same_with_the_same_places() -> None:
    english, german = map(words, LANGUAGES)
    assert english.keys() == german.keys()
    assert [key for key in english if places(english[key]) != places(german[key])] == []
    assert [key for key in english if isinstance(english[key], dict) != isinstance(german[key], dict)] == []


@pytest.mark.parametrize("module", sorted(PAGE.glob("*.js")), ids=lambda path: path.name)
def test_what_a_module_says_stands_in_the_catalogue(module: Path) -> None:
    text = module.read_text()
    said = set(re.findall(r"\b(?:say|phrase)\(\s*\"([^\"]+)\"", text))
    assert said <= words("en").keys()
    assert text.startswith("// ")
    assert len(text.splitlines()) <= 250
    assert "innerHTML" not in text
