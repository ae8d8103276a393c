"""The same as the journey's, with many more."""

from pathlib import Path

import pytest

from tests.made_up import make_up
from tests.site import site

pytestmark = pytest.mark.heavy


def test_thousands_of_requests_that_are_made_up_are_answered_as_the_document_says(tmp_path: Path) -> None:
    place = site(tmp_path)
    key = place.key()
    with place.serving():
        for known in (None, key):
            print(make_up(place, known, examples=100))
