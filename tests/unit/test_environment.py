"""Secrets may come from files, and no message says a word of them."""

from pathlib import Path

import pytest

from app.adapters import build_registry
from app.kit.errors import Misconfigured
from app.settings import SECRETS, Settings, read_settings, unknown_settings, variable
from tests.small import mapping, toml, write_mappings

SECRET = "a secret of the tests, long enough"
VALUES = {
    "database_url": "postgresql://d@127.0.0.1/d", "secret_key": SECRET, "secret_key_previous": SECRET[::-1],
    "redis_url": "redis://127.0.0.1", "s3_access_key": "key", "s3_secret_key": "secret",
    "oidc_client_secret": "known to two",
}  # fmt: skip


def test_every_secret_may_come_from_a_file(tmp_path: Path) -> None:
    environ = {"DOSSIER_OIDC_ISSUER": "https://id", "DOSSIER_OIDC_AUDIENCE": "d", "DOSSIER_OIDC_CLIENT_ID": "d"}
    for name in SECRETS:
        (tmp_path / name).write_text(VALUES[name] + "\n")
        environ[f"{variable(name)}_FILE"] = str(tmp_path / name)
    assert unknown_settings(environ) == []
    read = read_settings(environ)
    assert {name: getattr(read, name) for name in SECRETS} == VALUES


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"DOSSIER_SECRET_KEY_FILE": "/nowhere/key"}, "SECRET_KEY_FILE: /nowhere/key cannot be read: No such file"),
        ({"DOSSIER_SECRET_KEY_FILE": "{short}", "DOSSIER_SECRET_KEY": SECRET}, "are both set; leave one of them out"),
        ({"DOSSIER_SECRET_KEY_FILE": "{short}"}, "DOSSIER_SECRET_KEY: String should have at least 32 characters"),
        ({"DOSSIER_SECRET_KEY_FILE": "{empty}"}, "is empty"),
        ({"DOSSIER_SECRET_KEY_FILE": "{bytes}"}, "holds no text"),
        ({"DOSSIER_DATABASE_URL": "postgresql://127.0.0.1/d"}, "DOSSIER_SECRET_KEY is not set"),
        ({"DOSSIER_DATABASE_URL": "postgresql://127.0.0.1/d", "DOSSIER_SECRET_KEY": "hunter2"}, "at least 32 characters"),
        ({"DOSSIER_CORS_ORIGINS": "*"}, "DOSSIER_CORS_ORIGINS"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_secret_is_said_without_it(tmp_path: Path, environ: dict[str, str], said: str) -> None:
    files = {"short": b"hunter2", "empty": b"\n", "bytes": b"hunter2\xff"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    given = {name: text.format(**{one: tmp_path / one for one in files}) for name, text in environ.items()}
    with pytest.raises(Misconfigured) as failure:
        read_settings(given)
    assert said in str(failure.value)
    assert "hunter2" not in str(failure.value)
    assert SECRET not in str(failure.value)


def test_the_url_of_a_data_source_may_come_from_a_file(tmp_path: Path) -> None:
    centers = write_mappings(tmp_path, toml(mapping()))
    (tmp_path / "url").write_text("sqlite:///x.db\n")
    registry = build_registry(Settings(data_centers=centers), {"WEBSITE_URL_FILE": str(tmp_path / "url")})
    assert list(registry.sources("acme")) == ["website"]
