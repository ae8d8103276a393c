"""Texts of a mapping and of a notice in several languages: which of them a person is shown."""

import tomllib
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from app.adapters import build_registry
from app.archive.translator import read_words
from app.kit.language import LANGUAGES, Language, Speech
from app.settings import Settings
from app.sources.registry import DataCenter
from tests.small import CENTER, mapping, section, toml, write_mappings

ENVIRON = {"WEBSITE_URL": "sqlite:///x.db"}


def center(folder: Path, source: dict[str, Any], about: str = CENTER) -> DataCenter:
    centers = write_mappings(folder, toml(source), about)
    return build_registry(Settings(var_dir=folder / "var", data_centers=centers), ENVIRON).centers["acme"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"en": "A", "de": "B", "fr": "C"}, "C"),
        ({"it": "D", "en": "A", "de": "B"}, "B"),
        ({"it": "D", "en": "A"}, "A"),
        ({"it": "D", "es": "E"}, "D"),
        ({"nl": "F"}, "F"),
        ("G", "G"),
    ],
)
def test_what_is_missing_falls_back_to_the_centers_language_then_english_then_the_first(
    given: str | dict[str, str], said: str
) -> None:
    assert Speech("fr", "de").say(given) == said


async def test_titles_of_centers_and_sources_are_in_the_centers_language(tmp_path: Path) -> None:
    title = {"en": "Website", "de": "Netzseite"}
    about = CENTER.replace('title = "Acme"', 'title = {en = "Acme", de = "Spitze"}\nlanguage = "de"')
    told = center(tmp_path, mapping(title=title, omitted={"locks": {"de": "leer", "en": "empty"}}), about)
    facts = told.sources["website"].facts
    assert (told.title, facts.title, facts.omitted) == ("Spitze", "Netzseite", (("locks", "leer"),))
    assert told.spoken("en").title == told.spoken("it").spoken("en").title == "Acme"
    assert told.spoken("it").title == "Spitze"


NOTICES = {
    "for each text": """contact = {en = "by post", fr = "par la poste"}
        controller = "Acme"
        rights = "All"
        authority = "It"
        recipients = {en = ["A", "B"], fr = ["C"]}""",
    "for each language": """en.contact = "by post"
        en.controller = "Acme"
        en.rights = "All"
        en.authority = "It"
        en.recipients = ["A", "B"]
        fr = {contact = "par la poste", recipients = ["C"]}""",
}


@pytest.mark.parametrize("notice", NOTICES.values(), ids=NOTICES)
def test_a_notice_may_be_given_by_language(tmp_path: Path, notice: str) -> None:
    told = center(tmp_path, mapping(), f'title = "Acme"\n[notice]\n{notice}')
    everywhere = {"controller": "Acme", "rights": "All", "authority": "It"}
    assert told.notice == everywhere | {"contact": "by post", "recipients": ("A", "B")}
    assert told.spoken("fr").notice == everywhere | {"contact": "par la poste", "recipients": ("C",)}


LABELS: dict[str, Any] = {
    "for all languages": {"id": "Number", "what": "Deed"},
    "for each label": {"id": "Number", "what": {"en": "Deed", "de": "Tat"}},
    "for each language": {"en": {"id": "Number", "what": "Deed"}, "de": {"what": "Tat"}},
    "of columns named like languages": {"de": {"en": "Deed", "de": "Tat"}},
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
async def test_labels_may_be_given_by_language(tmp_path: Path, labels: dict[str, Any]) -> None:
    data = mapping(section(labels=labels, scope="visitor", because={"en": "so", "de": "weil"}))
    said: dict[Language, dict[str, str]] = {}
    for language in ("en", "de"):
        about = CENTER + f'language = "{language}"\n'
        (told,) = center(tmp_path, data, about).sources["website"].facts.unbound
        said[language] = dict(told.labels)
        assert told.because == {"en": "so", "de": "weil"}[language]
    assert "Deed" in said["en"].values()
    assert ("Tat" in said["de"].values()) == (labels != LABELS["for all languages"])


def test_every_language_says_the_same_and_fills_in_the_same() -> None:
    def shape(words: Any) -> dict[str, Any]:
        return {
            key: shape(text)
            if isinstance(text, dict)
            else sorted({name for _, name, _, _ in Formatter().parse(text) if name})
            for key, text in words.items()
        }

    assert [language for language in LANGUAGES if shape(read_words(language)) != shape(read_words("en"))] == []


def test_the_catalogue_has_no_language_that_nobody_can_ask_for() -> None:
    folder = Path(__file__).parents[2] / "app" / "archive" / "words"
    assert sorted(path.stem for path in folder.iterdir()) == sorted(LANGUAGES)
    assert all(tomllib.loads(path.read_text("utf-8")) for path in folder.iterdir())
