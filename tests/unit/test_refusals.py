"""Refusals that no server of the tests can be brought to say, word by word as servers and drivers write them."""

from ssl import SSLCertVerificationError, SSLError

import pytest

from app.sources.engines.refusals import refused_by_mariadb, refused_by_postgresql

AT = 'connection to server at "10.0.0.7", port 5432 failed:'
POSTGRESQL = {
    # Without and with TLS, or at each address of a name, it is tried and refused twice.
    f'{AT} FATAL:  password authentication failed for user "jo"\n{AT} FATAL:  password authentication failed for user "jo"':
        "the server refuses the password of the user 'jo', or knows no such user",
    f'{AT} FATAL:  database "a" does not exist\n{AT} FATAL:  database "a" does not exist': "the server has no database 'a'",
    f"{AT} FATAL:  sorry, too many clients already": "the server has no connection left",
    f"{AT} No route to host\n\tIs the server running on that host": "nothing answers at 10.0.0.7, port 5432",
    "connection timeout expired": "the server does not answer in time",
    f"connection failed: {AT} FATAL:  the database system is starting up":
        f"it fails with `{AT} FATAL: the database system is starting up`",
}  # fmt: skip
MARIADB = [
    ((1040, "Too many connections"), None, "the server has no connection left"),
    ((1130, "Host '10.0.0.9' is not allowed to connect to this MariaDB server"), None, "the server lets nobody in from here"),
    ((2003, "Can't connect (certificate verify failed)"), SSLCertVerificationError(), "it fails with `Can't connect (certificate"),
    ((2003, "Can't connect"), SSLError(), "it fails with `Can't connect`"),
    ((2003, "Can't connect"), TimeoutError(), "nothing answers at db, port 3306"),
    ((), None, "it fails with `nothing`"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "words"), POSTGRESQL.items())
def test_what_postgresql_says_is_said_in_words_with_a_mend(said: str, words: str) -> None:
    refused = refused_by_postgresql(said)
    assert refused.detail == f"the connection: {words}"
    assert "THE URL" in refused.told("THE URL")


@pytest.mark.parametrize(("told", "cause", "words"), MARIADB)
def test_what_mariadb_says_is_said_in_words_with_a_mend(told: tuple[object, ...], cause: object, words: str) -> None:
    refused = refused_by_mariadb(told, cause, "db", 3306)
    assert refused.detail.startswith(f"the connection: {words}")
    assert "THE URL" in refused.told("THE URL")
    assert "pg_hba" not in refused.told("THE URL")
