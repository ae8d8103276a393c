"""A value in the report: in words, short, and never another value than the JSON's."""

import json

import pytest

from app.archive.cell import cell, read_row, readable
from app.archive.translator import Translator

BERLIN = Translator("en", "Europe/Berlin")


def shown(raw: str, translator: Translator = BERLIN, *, dated: bool = False) -> str:
    return cell(raw.encode("utf-8", "surrogatepass"), translator, dated=dated).text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ('"2026-11-20T00:00:00.000000+00:00"', "20 Nov 2026, 01:00:00"),
        ('"2026-11-20T00:00:00.000000+01:00"', "20 Nov 2026, 00:00:00"),
        ('"2026-07-20T12:00:00Z"', "20 Jul 2026, 14:00:00"),
        ('"2026-11-20T00:00:00"', "20 Nov 2026, 00:00:00"),
        ('"2026-11-20 10:11"', "20 Nov 2026, 10:11:00"),
        ('"2026-11-20"', "20 November 2026"),
        ('"2026-13-20"', "2026-13-20"),
        ('"2026-11-20T25:00:00Z"', "2026-11-20T25:00:00Z"),
        ('"infinity"', "infinity"),
        ('"0001-01-01T00:00:00 BC"', "0001-01-01T00:00:00 BC"),
        ("12345678901234567890.10", "12345678901234567890.10"),
        ("-1.5e-300", "-1.5e-300"),
        ("null", "–"),
        ("true", "yes"),
        ("false", "no"),
        ('""', "(empty)"),
        ("[]", "–"),
        ('["a","b"]', "a, b"),
        ('{"BrowserLanguage":"de","list":[],"deep":{"a":[1]}}', 'Browser language: de; List: –; Deep: {"a":[1]}'),
        ('"javascript:alert(1)"', "javascript:alert(1)"),
        ('"\\u202eabc\\u0000"', "[U+202E]abc␀"),
    ],
)
def test_values_are_said_in_words(raw: str, text: str) -> None:
    assert shown(raw) == text


@pytest.mark.parametrize("raw", ["1763596800", '"1763596800"', "1763596800000"])
def test_a_number_that_dates_its_row_is_a_date(raw: str) -> None:
    assert shown(raw, dated=True) == "20 Nov 2025, 01:00:00"
    assert shown(raw) == raw.strip('"')


def test_a_moment_at_the_calendars_end_stands_as_it_is() -> None:
    assert shown('"9999-12-31T23:59:59.999999+00:00"') == "31 Dec 9999, 23:59:59"
    assert shown('"0001-01-01T00:00:00+14:00"') == "1 Jan 1, 00:00:00"


@pytest.mark.parametrize(("language", "text"), [("de", "20.11.2026, 01:00:00"), ("fr", "20 nov. 2026, 01:00:00")])
def test_dates_are_written_as_people_of_the_language_do(language: str, text: str) -> None:
    assert shown('"2026-11-20T00:00:00Z"', Translator(language, "Europe/Berlin")) == text  # type: ignore[arg-type]


def test_what_is_long_is_cut_and_says_so() -> None:
    long = cell(json.dumps("é" * 2_000_000, ensure_ascii=False).encode(), BERLIN, dated=False)
    assert (len(long.text), long.cut) == (400, True)
    deep = cell(b"[" * 5000 + b"]" * 5000, BERLIN, dated=False)
    assert (len(deep.text), deep.cut) == (400, True)
    assert not cell(json.dumps("é" * 400).encode(), BERLIN, dated=False).cut


def test_a_row_of_any_depth_is_taken_apart() -> None:
    row = b'{"a":"\\ud800","b":' + b"[" * 3000 + b"]" * 3000 + b',"c":1}'
    assert [(name, len(raw)) for name, raw in read_row(row).items()] == [("a", 8), ("b", 6000), ("c", 1)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("occurred_at", "Occurred at"), ("occurredAt", "Occurred at"), ("ip_address", "Ip address"), ("URL", "URL"),
        ("utm.source", "Utm source"), ("_", "_"), ("", ""), ("Größe", "Größe"), ("a\u202eb", "A[U+202E]b"),
    ],
)  # fmt: skip
def test_a_columns_name_is_made_readable(name: str, words: str) -> None:
    assert readable(name) == words
