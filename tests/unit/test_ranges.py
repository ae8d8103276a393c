"""Which part of an archive a Range header asks for (RFC 9110, 13 and 14)."""

import pytest

from app.exports.ranges import Span, Unsatisfiable, asked_span

SIZE, ETAG = 100, '"digest"'


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=99-", Span(99, 100)),
        ("bytes=0-999999999999999999", Span(0, 100)),
        ("bytes=-1", Span(99, 100)),
        ("bytes=-100", Span(0, 100)),
        ("bytes=-101", Span(0, 100)),
        (None, None),
        ("", None),
        ("bytes=-", None),
        ("bytes=2-1", None),
        ("bytes=0-0,2-3", None),
        ("bytes=\u0661-", None),
        ("lines=0-0", None),
        *((f"bytes={digits}", None) for digits in ("9" * 5000 + "-", "0-" + "9" * 5000, "-" + "9" * 5000)),
    ],
)
def test_one_range_is_a_part_and_anything_else_the_whole(header: str | None, span: Span | None) -> None:
    assert asked_span(header, None, ETAG, SIZE) == span


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_beyond_the_end_is_none(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        asked_span(header, None, ETAG, SIZE)


@pytest.mark.parametrize("validator", ['"other"', 'W/"digest"', "Mon, 23 Nov 2026 16:00:00 GMT", ""])
def test_a_range_of_another_version_is_the_whole(validator: str) -> None:
    assert asked_span("bytes=0-0", validator, ETAG, SIZE) is None
    assert asked_span("bytes=0-0", ETAG, ETAG, SIZE) == Span(0, 1)
