"""A stream that was told to stop hands on nothing more, whatever its maker still gives."""

import pytest

from app.kit.pipe import Closed
from app.storage.stream import Stoppable


def test_after_a_stop_no_chunk_comes_and_its_maker_is_told() -> None:
    told: list[bool] = []
    stream = Stoppable(iter([b"a", b"b", b"c"]), lambda: told.append(True))
    assert next(stream) == b"a"
    stream.stop()
    with pytest.raises(Closed):
        next(stream)
    assert told == [True]


def test_who_gave_nothing_to_be_told_is_not_asked() -> None:
    stream = Stoppable(iter([b"a"]), None)
    stream.stop()
    with pytest.raises(Closed):
        next(stream)
