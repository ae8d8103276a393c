"""A database's URL that is malformed is said in one sentence that names its variable, and holds no word of the URL."""

from pathlib import Path

import pytest

from app.__main__ import main
from app.kit.address import parsed
from app.kit.db import database_url
from app.kit.errors import Misconfigured
from tests.small import mapping, toml, write_mappings

SECRET = "sEcReT"
PORT, ENCODED, OPTIONS = "its port", "must be percent-encoded (@ is %40", "what stands after its ? must be options"
MALFORMED = {
    f"postgresql://reader:{SECRET}@{SECRET}@host/site": ENCODED,
    f"postgresql://reader:a@{SECRET}/{SECRET}@host/site": ENCODED,
    f"postgresql://reader:{SECRET}@host:{SECRET}/site": PORT,
    f"postgresql://reader:{SECRET}@host:/site": PORT,
    f"postgresql://reader:{SECRET}@host:70000/site": PORT,
    f"postgresql://reader:{SECRET}@[::1/site": PORT,
    f"postgresql://reader:{SECRET}@host/site?{SECRET}=1": OPTIONS,
    f"postgresql://reader:{SECRET}@host/site?connect_timeout={SECRET}": OPTIONS,
    f"postgresql:/reader:{SECRET}@host/site": "it must be a URL",
    f"mariadb://reader:{SECRET}@host/site?{SECRET}=1": OPTIONS,
    f"mariadb://reader:{SECRET}@host/site?connect_timeout={SECRET}": OPTIONS,
    f"mysql://reader:{SECRET}@host": "it must name a database",
    "sqlite://": "it must name a file",
    f"sqlite://{SECRET}.db": "it must name a file",
}


@pytest.mark.parametrize(
    ("by", "url", "sentence"),
    [("own queries", *one) for one in MALFORMED.items()]
    + [("preset", *one) for one in MALFORMED.items() if one[0].startswith("postgresql")],
)
def test_of_a_data_source(
    by: str,
    url: str,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = {"preset": "umami", "title": "Web", "dsn": "WEBSITE_URL", "variables": {"schema": "public"}}
    centers = write_mappings(tmp_path, toml(own if by == "preset" else mapping()))
    monkeypatch.setenv("DOSSIER_DATA_CENTERS", str(centers))
    monkeypatch.setenv("WEBSITE_URL", url)
    assert main(["sources", "check"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"dossier: {centers / 'acme' / 'website.toml'}: dsn: WEBSITE_URL: ")
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert SECRET not in said.out + said.err


@pytest.mark.parametrize("url", [one for one in MALFORMED if "?" not in one and one.startswith("postgresql")] + ["x"])
def test_of_the_own_database(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DOSSIER_SECRET_KEY", "k" * 40)
    monkeypatch.setenv("DOSSIER_DATABASE_URL", url)
    assert main(["migrate"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("dossier: DOSSIER_DATABASE_URL: ")
    assert said.err.count("\n") == 1
    assert SECRET not in said.out + said.err


@pytest.mark.parametrize(
    ("url", "password", "host"),
    [
        ("postgresql://u:p%40ss%2Fword@host:5432/db", "p@ss/word", "host"),
        ("postgresql://u:p/w:d@[::1]:5432/db", "p/w:d", "::1"),
        ("postgresql:///db?host=/run/postgresql", None, None),
        ("sqlite:////srv/a@b.db", None, None),
    ],
)
def test_what_is_well_formed_stays_as_it_is(url: str, password: str | None, host: str | None) -> None:
    assert (parsed(url).password, parsed(url).host) == (password, host)


@pytest.mark.parametrize(
    "url", ["mysql://host/db", "mariadb://host/db", "oracle://host/db", "redis://host", "https://host"]
)
def test_a_database_of_another_kind_cannot_be_the_services_own(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"DOSSIER_DATABASE_URL must be a postgresql:// or sqlite:/// address"):
        database_url(url)
