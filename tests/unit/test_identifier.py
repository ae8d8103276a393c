"""What is typed is normalised for searching, and masked for showing."""

import pytest

from app.sources.identifier import Identifier, mask


@pytest.mark.parametrize(
    ("typed", "kind", "expected"),
    [
        ("  Jane@Example.COM ", None, ("email", "jane@example.com")),
        ("josé@example.com", None, ("email", "josé@example.com")),
        (" AbC-183 ", None, ("tracking_id", "AbC-183")),
        ("Jane@Example.com", "tracking_id", ("tracking_id", "Jane@Example.com")),
        ("Jane", "email", ("email", "jane")),
    ],
)
def test_an_email_is_trimmed_composed_and_lowered_and_an_id_only_trimmed(
    typed: str, kind: object, expected: tuple[str, str]
) -> None:
    identifier = Identifier.typed(typed, kind)  # type: ignore[arg-type]
    assert (identifier.kind, identifier.text) == expected


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("jane@example.com", "j•••@example.com"),
        ("@example.com", "@e•••om"),
        ("1f0@7c52d9e04b", "1f•••4b"),
        ("uid@1f0@7c52.d9e04b", "ui•••4b"),
        ("two words@example.com", "tw•••om"),
        ("\x00\x1b12345678\u202e\n", "␀␛•••[U+202E]␊"),
        ("1234567", "•••"),
        ("12345678", "12•••78"),
        ("183", "•••"),
        ("0f4a7c52-8d7e", "0f•••7e"),
    ],
)
def test_a_mask_leaves_a_letter_and_the_domain_or_two_characters_at_each_end(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    ("typed", "kind", "masked"),
    [
        ("1f0@7c52d9e04b.example", "tracking_id", "1f•••le"),
        ("jane@example.com", "tracking_id", "ja•••om"),
        ("jane@localhost", "email", "j•••@localhost"),
        ("jane@example.com", None, "j•••@example.com"),
        ("@example.com", "email", "@e•••om"),
    ],
)
def test_a_tracking_id_is_never_masked_as_an_email(typed: str, kind: object, masked: str) -> None:
    assert Identifier.typed(typed, kind).masked == masked  # type: ignore[arg-type]
