"""What goes to MariaDB and comes from it, as far as it needs no server."""

from decimal import Decimal
from uuid import UUID

import pytest
from pymysql.constants import FIELD_TYPE

from app.sources.engines.mariadb_rights import writable
from app.sources.engines.mariadb_values import Column, NoText, RowReader, sent
from app.sources.engines.mariadb_wire import bound
from app.sources.sql import Statement

EXACT = "(CONVERT(? USING utf8mb4) COLLATE c)"
FORMS = {
    "WHERE a = :email": f"WHERE (a = ? AND CONVERT(a USING utf8mb4) = {EXACT})",
    "WHERE t.`a b`<=>:email\n ORDER BY a": f"WHERE (t.`a b` <=> ? AND CONVERT(t.`a b` USING utf8mb4) <=> {EXACT})\n ORDER BY a",
    "WHERE x IN (SELECT 1 FROM b WHERE (a = :email))": f"WHERE x IN (SELECT 1 FROM b WHERE ((a = ? AND CONVERT(a USING utf8mb4) = {EXACT})))",
    "WHERE lower(a) = :email": f"WHERE lower(a) = {EXACT}",
    "WHERE x + a = :email": f"WHERE x + a = {EXACT}",
    "WHERE a = :email + 1": f"WHERE a = {EXACT} + 1",
    "WHERE x BETWEEN 1 AND a = :email": f"WHERE x BETWEEN 1 AND a = {EXACT}",
    "WHERE a COLLATE utf8mb4_bin = :email": "WHERE a COLLATE utf8mb4_bin = ?",
    "WHERE a = :visitor": "WHERE a = ?",
    "WHERE a IN (:user_agents)": f"WHERE a IN ({EXACT}, {EXACT})",
}


@pytest.mark.parametrize(("text", "expected"), FORMS.items(), ids=FORMS)
def test_a_text_is_compared_exactly(text: str, expected: str) -> None:
    said, values = bound(Statement.parse(text, "mariadb"), {"email": "e", "visitor": 1, "user_agents": ("x", "y")}, "c")
    assert said.rstrip("\n") == expected
    assert len(values) == expected.count("?")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, (FIELD_TYPE.NULL, b"")),
        (-1, (FIELD_TYPE.LONGLONG, b"\xff" * 8)),
        (2**64 - 1, (FIELD_TYPE.LONGLONG | 0x8000, b"\xff" * 8)),
        (2**64, (FIELD_TYPE.NEWDECIMAL, b"\x1418446744073709551616")),
        (Decimal("1E+3"), (FIELD_TYPE.NEWDECIMAL, b"\x041000")),
        ("ä", (FIELD_TYPE.VAR_STRING, b"\x02\xc3\xa4")),
        (b"\x00", (FIELD_TYPE.BLOB, b"\x01\x00")),
        (UUID(int=0), (FIELD_TYPE.VAR_STRING, b"\x2400000000-0000-0000-0000-000000000000")),
    ],
)
def test_a_value_is_sent_as_its_type(value: object, expected: tuple[int, bytes]) -> None:
    assert sent(value) == expected


@pytest.mark.parametrize("size", [0, 250, 251, 65_535, 65_536, 2**24 - 1, 2**24])
def test_bytes_of_any_size_are_counted_and_read_again(size: int) -> None:
    _, counted = sent(b"x" * size)
    assert RowReader([Column("a", FIELD_TYPE.BLOB, 63, 0, 0)]).read(b"\0\0" + counted) == (b"x" * size,)


def test_text_that_is_no_utf8_is_named_by_its_column() -> None:
    columns = [Column(name, FIELD_TYPE.VAR_STRING, 45, 0, 0) for name in "ab"]
    with pytest.raises(NoText, match=r"^b$"):
        RowReader(columns).read(b"\0\0\1x\1\xff")


def test_every_value_may_be_null() -> None:
    columns = [Column(str(number), FIELD_TYPE.TINY, 63, 0, 0) for number in range(9)]
    assert RowReader(columns).read(b"\0\xfc\x03\7") == (None,) * 6 + (None, None, 7)


GRANTS = [
    ("GRANT USAGE ON *.* TO `r`@`%`", False),
    ("GRANT SELECT, SHOW VIEW ON `site`.* TO `r`@`%`", False),
    ("GRANT SELECT, INSERT ON *.* TO `r`@`%`", True),
    ("GRANT ALL PRIVILEGES ON `site`.* TO `r`@`%`", True),
    ("GRANT ALL PRIVILEGES ON `s_te`.* TO `r`@`%`", True),
    (r"GRANT ALL PRIVILEGES ON `s\_te`.* TO `r`@`%`", False),
    ("GRANT ALL PRIVILEGES ON `si%`.* TO `r`@`%`", True),
    ("GRANT DELETE ON `site`.`people` TO `r`@`%`", True),
    ("GRANT DELETE ON `site`.`others` TO `r`@`%`", False),
    ("GRANT SELECT (`a`), UPDATE (`a`) ON `site`.`people` TO `r`@`%`", True),
]


@pytest.mark.parametrize(("grant", "expected"), GRANTS)
def test_a_grant_tells_whether_a_table_may_be_changed(grant: str, *, expected: bool) -> None:
    assert writable([grant], "site")("people") is expected
