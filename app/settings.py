"""Every setting, read once from the environment (prefix DOSSIER_); what is unset has its embedded default."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.kit.errors import Misconfigured

PREFIX = "DOSSIER_"


class Settings(BaseModel):
    """Production means that `database_url` is set."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    var_dir: Annotated[Path, Field(description="Where everything embedded lies: database, archives, secret key.")] = (
        Path("var")
    )
    host: Annotated[str, Field(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on.")] = 8000
    database_url: Annotated[
        str | None, Field(description="Dossier's own database: postgresql:// or sqlite://. Unset: SQLite in VAR_DIR.")
    ] = None
    migrate: Annotated[
        Literal["auto", "manual"] | None,
        Field(description="auto brings the schema up at start; manual stops instead. Default: auto if embedded."),
    ] = None
    data_centers: Annotated[Path, Field(description="Directory of data centers and their mappings.")] = Path(
        "data-centers"
    )
    secret_key: Annotated[
        str | None, Field(min_length=32, description="At least 32 characters. Unset: made once in VAR_DIR.")
    ] = None
    secret_key_previous: Annotated[
        str | None, Field(min_length=32, description="The key before a rotation; opens what it sealed.")
    ] = None
    max_exports: Annotated[int, Field(ge=1, le=64, description="Exports compiled at a time per process.")] = 2
    log_format: Annotated[
        Literal["text", "json"] | None, Field(description="Form of log lines. Default: text if embedded, else json.")
    ] = None

    @property
    def embedded(self) -> bool:
        return self.database_url is None

    @property
    def migrates_itself(self) -> bool:
        return (self.migrate or ("auto" if self.embedded else "manual")) == "auto"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Raises Misconfigured with one sentence; a secret's value is never part of it."""
    given = {name: environ.get(variable(name)) for name in Settings.model_fields}
    try:
        settings = Settings.model_validate({name: text for name, text in given.items() if text})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Misconfigured(f"{variable(str(first['loc'][0]))}: {first['msg']}.") from error
    if not settings.embedded and settings.secret_key is None:
        raise Misconfigured(
            "DOSSIER_SECRET_KEY is not set; with DOSSIER_DATABASE_URL every process needs the same one, of at least "
            "32 random characters (openssl rand -hex 32)."
        )
    return settings


def unknown_settings(environ: Mapping[str, str]) -> list[str]:
    """Variables with our prefix that are no setting of this version, a typo perhaps."""
    known = {variable(name) for name in Settings.model_fields}
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)


def variable(name: str) -> str:
    return PREFIX + name.upper()
