"""JSON nested deeper than a parser recurs is checked and taken apart all the same."""

import json

import pytest

from app.kit.json_text import check, end_of_brackets, members

RIGHT = [
    "1", '"a"', "null", " [ ] ", "{}", '{"a": [1, {"b": "]}"}], "c": -1.5e-3}', '"\\ud800 \\u00e9 \\\\ \\""', "[[], {}, [0]]",
    "[" * 100_000 + "]" * 100_000, '{"a":' * 50_000 + "0" + "}" * 50_000, '{"a" : [ true , false ] }',
]  # fmt: skip
WRONG = [
    "", " ", "[", "]", "{", "[1,]", "[,1]", '{"a"}', '{"a":}', '{"a":1,}', "{1:2}", "[1 2]", "1 2", "01", "1.", "+1", "NaN", "nul",
    "nulls", '"', '"\\x"', '"\x01"', "[1}", '{"a":1]', '{"a":1 "b":2}', "[]]", "[1],", '{"a",1}', "[1:2]", "'a'", '"\\u12g4"', "1e", "-",
    "[" * 100_000 + "]" * 99_999,
]  # fmt: skip


@pytest.mark.parametrize("text", RIGHT, ids=lambda text: text[:20])
def test_what_is_json_passes(text: str) -> None:
    check(text.encode())


@pytest.mark.parametrize("text", WRONG, ids=lambda text: text[:20])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        check(text.encode())


def test_what_another_parser_says_of_every_beginning_and_change_is_said_here_too() -> None:
    whole = '{"a": [1, -2.5e3, {"b": "\\"]}\\\\"}], "c": {}, "d": [null, true]}'
    changed = [whole[:place] + other + whole[place + 1 :] for place in range(len(whole)) for other in '[]{},:"\\ 0e.-t']
    for text in [whole[:place] for place in range(len(whole))] + changed:
        try:
            json.loads(text)
        except ValueError:
            with pytest.raises(ValueError, match=r"\d"):
                check(text.encode())
        else:
            check(text.encode())


@pytest.mark.parametrize(
    "text", [b"{}", b'{"a":1}', b' { "a" : "x,}" , "b" : [1, {"c": 2}], "" : {"d":{}} } ', b'{"\\u00e9\\"":"\\ud800"}']
)
def test_members_are_an_objects_own(text: bytes) -> None:
    assert {name: json.loads(value) for name, value in members(text)} == json.loads(text)


def test_members_of_a_deep_object_are_found() -> None:
    deep = b"[" * 50_000 + b"]" * 50_000
    assert list(members(b'{"id":7,"deep":' + deep + b',"last":"x"}')) == [
        ("id", b"7"),
        ("deep", deep),
        ("last", b'"x"'),
    ]


def test_the_end_of_an_object_is_found_in_whatever_follows_and_nowhere_before() -> None:
    for whole in (b"{}", b'{"a":"]}\\\\","b":[{"c":"\\""}]}', b"[" * 50_000 + b"]" * 50_000):
        assert end_of_brackets(whole + b',{"d":"') == len(whole)
        places = range(len(whole)) if len(whole) < 100 else (0, 1, 50_000, 99_999)
        assert [end_of_brackets(whole[:place]) for place in places] == [0] * len(places)
