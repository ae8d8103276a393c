"""What stands for a visitor: the same for years, another for each data center and source, and every value as it came."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from app.kit.seal import Fingerprint, Hashes, Keyring
from app.sources.candidate import Candidate, Candidates, Choice
from app.sources.handles import Handles
from app.sources.port import Value

NOW = datetime(2026, 11, 27, tzinfo=UTC)
HANDLES = Handles(Hashes([b"one root of the tests, for ever"]))
VALUES: list[Value] = [
    True, False, 0, 1, -7, 1.5, "", "True", "1", b"", b"\x00\xff", Decimal("1.50"), Decimal("1.5"),
    UUID("01a21a9f-8291-7ff2-91d0-fe14aa779027"),
]  # fmt: skip


def test_a_handle_stays_what_it_was() -> None:
    """The history keeps it for years: computed in another way, nobody would be found again."""
    assert (
        HANDLES.handle("acme", "website", 1).digest
        == "63942bbeb290e1cee5d49f28b8734aed78c29f48b94fb36068cfd1f8ccc52f03"
    )
    assert (
        HANDLES.subject("acme", "website", Choice(1, "iPhone", None)).digest
        == "e2f0e8f709fb005c8077135eab34e450db30c4a592c5ac9d9de85daf329926ac"
    )


def test_no_two_visitors_places_or_kinds_of_value_have_one_handle() -> None:
    places = [("acme", "website"), ("website", "acme"), ("acme", "shop"), ("globex", "website")]
    found = [HANDLES.handle(*place, value).digest for place in places for value in VALUES]
    assert len(set(found)) == len(places) * len(VALUES)


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_candidate_holds_every_value_as_it_came(value: Value) -> None:
    candidates = Candidates(Keyring("a secret of the tests, long enough"), lambda: NOW)
    for choice in (Choice(value, value, value), Choice(value, None, ""), Choice(value, "", None)):
        candidate = Candidate("key", "acme", "website", "j•••", Fingerprint("12345678", "0" * 64), choice)
        opened = candidates.open(candidates.seal(candidate) or "", "key", "acme").choice
        again, language = candidates.open_choice(candidates.seal_choice(choice, "de"))
        assert (opened, again, language) == (choice, choice, "de")
        assert [type(one) for one in (opened.visitor, opened.device)] == [type(value), type(choice.device)]
