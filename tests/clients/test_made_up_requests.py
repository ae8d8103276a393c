"""Whatever is sent, the service answers as its OpenAPI document says, and never with an error of its own."""

from pathlib import Path

import pytest

from tests.made_up import cases, make_up
from tests.site import site


@pytest.mark.everywhere
def test_requests_that_are_made_up_are_answered_as_the_document_says(tmp_path: Path) -> None:
    place = site(tmp_path)
    key = place.key()
    with place.serving():
        assert cases(make_up(place, None, examples=3)) > 100
        assert cases(make_up(place, key, examples=5)) > 300
