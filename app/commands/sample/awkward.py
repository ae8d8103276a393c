"""Rows that are meant to break something: in texts, JSON, numbers, bytes and times."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import cycle

from .people import Combination
from .tables import Row
from .values import DAY, json_text, time_text

TEXTS = (
    "date_encoded_hello",
    "Zelt 🏕️ für die 👨‍👩‍👧‍👦 & 🇳🇿",
    "חנות \u202bשלום\u202c",
    "مرحبا، كيف الحال؟ 123",
    "\"double\", 'single', `back`, “curly”",
    "C:\\new\\table\\u0041 \\",
    "</script><script>alert('title')</script><!-- ]]>",
    "first line\nsecond line\r\n\tthird, after a tab",
    "",
    " ",
    "\u2028line and paragraph separators\u2029",
    "\x01 bell \x07 escape \x1b delete \x7f next line \x85",
    "00123",
    "1e5",
    "-0",
    "NaN",
    "null",
    "9007199254740993",
    '=HYPERLINK("https://evil.example";"click")',
    "%s %(name)s {0} {{7*7}} ${x} $1 :visitor :device ?",
    "'; DROP TABLE interactions; --",
    "e\u0301 is not \u00e9",
    "\ufeffbyte order mark",
    "exe.\u202egnp turned round",
    "𝒎𝒂𝒕𝒉 beyond the basic plane 𠜎",
    "&lt;b&gt; &amp;amp; <b>bold</b>",
    "long " * 2000,
)  # fmt: skip
# Written as they stand and never through `json`: the text itself is what has to come out again.
JSONS = (
    None,
    "null",
    "[]",
    "{}",
    '{"empty list":[],"empty object":{},"empty text":"","":"empty key"}',
    '{"order":12345678901234567890,"more":-98765432109876543210}',
    '{"pi":3.14159265358979323846264338327950,"small":0.000000000000000000000000000001,"price":19.90}',
    "12345678901234567890.123456789012345678901234567890",
    '[[1,[2,[3,[]]]],[{"a":[{"b":{}}]}],[[],[[]]]]',
    '{\n  "written": "with line feeds",\n\t"and": ["tabs",\n  2 ]\n}',
    r'"\u00e9 \ud83d\ude00 \" \\ \/ \b\f\n\r\t </script>"',
    '{"emoji":"👩🏽‍🚀","hebrew":"שלום","quote":"\\"","script":"</script>","line":"\u2028"}',
    '{"digits as text":"00123","exponent":1.5E+30,"true":true,"none":null}',
    '{"__proto__":{"polluted":1},"constructor":"x","$ref":"#/a","a.b":{"c d":1}}',
    "[" * 60 + "]" * 60,
    "true",
    '"a text alone"',
    "1.10",
)
URLS = (
    "https://www.acme-outdoor.example/zelte?q=%22%3E%3Cscript%3E&größe=1#öben",
    "javascript:alert(document.cookie)",
    "data:text/html,<script>alert(1)</script>",
    None,
    "",
    "//evil.example/\\..\\",
)
BYTES = (bytes(range(256)), b"", None, b"\\x41 looks like hex", "ünïcödé".encode("utf-16-le"), b"\x00")
INTEGERS = (2**63 - 1, -(2**63), 0, 2**53 + 1, None)
REALS = (0.1 + 0.2, 1e-7, 1e22, -1.5, math.inf, -math.inf, 5e-324, 1.7976931348623157e308)
OFFSETS = (120, 0, -720, 840, 345, -570, 330)
FRACTIONS = (123456, 0, 120000, 1, 999999)


def _times(start: datetime) -> Iterator[str]:
    """Every offset there is, three days apart so that the texts still sort as the moments do."""
    local, offsets, fractions = start.replace(tzinfo=None), cycle(OFFSETS), cycle(FRACTIONS)
    while True:
        zone = timezone(timedelta(minutes=next(offsets)))
        yield time_text(local.replace(microsecond=next(fractions), tzinfo=zone))
        local += 3 * DAY


def interactions(combination: Combination) -> Iterator[Row]:
    """Each text, with JSON, addresses and identifiers of pages going round beside it."""
    jsons, urls, metadata = cycle(JSONS), cycle(URLS), cycle(reversed(JSONS))
    for text, time in zip(TEXTS, _times(combination.first), strict=False):
        yield (
            time, "Invented: verb é", text, text, next(urls), next(urls), text[:40], None, "he-IL",
            "no-such-campaign", "2001:db8::ffff:192.0.2.1", next(jsons), next(metadata),
        )  # fmt: skip


def conversions(combination: Combination) -> Iterator[Row]:
    integers, jsons = cycle(INTEGERS), cycle(JSONS)
    for real, time in zip(REALS, _times(combination.first), strict=False):
        yield (time, "cv-order", real, "¤", next(integers), next(jsons))


def answers(combination: Combination) -> Iterator[Row]:
    """Submitted forms: the JSON once more, and all texts as answers of one form."""
    everything = json_text({f"question {number}": text for number, text in enumerate(TEXTS)})
    for json, time in zip((*JSONS, everything), _times(combination.first), strict=False):
        yield (time, "contact", "Kontakt \"\\' ✉️", json, "192.0.2.77")


def receipts(combination: Combination) -> Iterator[Row]:
    """Choices about cookies, whose receipts are bytes."""
    for content, json, time in zip(BYTES, JSONS, _times(combination.first), strict=False):
        yield (time, json, content)


def properties(start: datetime) -> Iterator[Row]:
    """Property values of the account: what custom fields can hold."""
    for number, (text, time) in enumerate(zip(TEXTS, _times(start), strict=False)):
        yield (f"custom_{number % 5}", text, time, "form")
