"""Every setting, read once from the environment (prefix DOSSIER_); what is unset has its embedded default."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.access.limits import Quotas
from app.kit.environment import file_of, secret_of
from app.kit.errors import Misconfigured

PREFIX = "DOSSIER_"
# The command `dossier` reads these, and may be used where the service runs.
OF_THE_CLIENT = ("DOSSIER_URL", "DOSSIER_DATA_CENTER", "DOSSIER_KEY", "DOSSIER_KEY_FILE")
_MOST = 1_000_000

# What may also come from a file, whose path the variable of that name and _FILE holds.
SECRETS = (
    "database_url", "secret_key", "secret_key_previous", "redis_url", "s3_access_key", "s3_secret_key",
    "oidc_client_secret",
)  # fmt: skip
OIDC = ("oidc_issuer", "oidc_audience", "oidc_client_id", "oidc_client_secret")
# 10,000 parts of an upload, of 8 MiB each: no store takes more of them.
MOST_STORED_BYTES = 10_000 * (8 << 20)
_ORIGINS = r"^https?://[A-Za-z0-9.-]+(:\d+)?( https?://[A-Za-z0-9.-]+(:\d+)?)*$"


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
    redis_url: Annotated[
        str | None,
        Field(pattern=r"^(rediss?|unix)://", description="redis:// of the bell. Unset: the API compiles by itself."),
    ] = None
    s3_endpoint: Annotated[
        str | None, Field(description="host:port or URL of the archive store. Unset: a directory in VAR_DIR.")
    ] = None
    s3_bucket: Annotated[
        str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="The bucket; made where there is none.")
    ] = "dossier"
    s3_region: Annotated[str, Field(description="The bucket's region.")] = "us-east-1"
    s3_secure: Annotated[
        bool | None, Field(description="TLS, where the endpoint is no URL that says so. Default: yes.")
    ] = None
    s3_access_key: Annotated[str | None, Field(description="Unset: the provider chain of AWS and MinIO.")] = None
    s3_secret_key: Annotated[str | None, Field(description="Belongs to the access key.")] = None
    s3_ca_file: Annotated[Path | None, Field(description="CA certificates of the store, in PEM.")] = None
    s3_encryption: Annotated[
        str | None,
        Field(pattern=r"^(AES256|aws:kms:.+)$", description="At rest: AES256 or aws:kms:KEY. Unset: the bucket's own."),
    ] = None
    downloads: Annotated[
        Literal["proxy", "redirect"], Field(description="redirect sends browsers to the store, for minutes each time.")
    ] = "proxy"
    s3_public_endpoint: Annotated[
        str | None, Field(description="Where browsers reach the store. Default: S3_ENDPOINT.")
    ] = None
    max_exports: Annotated[int, Field(ge=1, le=64, description="Exports compiled at a time per process.")] = 2
    max_rows: Annotated[int, Field(ge=1, description="Rows of one export; with more it fails.")] = 1_000_000_000
    max_archive_bytes: Annotated[
        int, Field(ge=1, le=MOST_STORED_BYTES, description="Bytes of one archive's ZIP; with more the export fails.")
    ] = 80_000_000_000
    searches_per_minute: Annotated[
        int, Field(ge=0, le=_MOST, description="By one administrator in one data center; as all limits, 0: without.")
    ] = 30
    searches_per_day: Annotated[int, Field(ge=0, le=_MOST, description="In any 24 hours.")] = 500
    exports_per_day: Annotated[int, Field(ge=0, le=_MOST, description="New ones in any 24 hours.")] = 50
    unfinished_exports: Annotated[int, Field(ge=0, le=_MOST, description="At a time.")] = 10
    downloads_per_day: Annotated[
        int, Field(ge=0, le=_MOST, description="In any 24 hours, by key and by link; parts that go on: ten times that.")
    ] = 200
    service_searches_per_minute: Annotated[
        int, Field(ge=0, le=_MOST, description="By a key made with --service, as the following.")
    ] = 600
    service_searches_per_day: Annotated[int, Field(ge=0, le=_MOST, description="In any 24 hours.")] = 100_000
    service_exports_per_day: Annotated[int, Field(ge=0, le=_MOST, description="In any 24 hours.")] = 5_000
    service_unfinished_exports: Annotated[int, Field(ge=0, le=_MOST, description="At a time.")] = 100
    service_downloads_per_day: Annotated[int, Field(ge=0, le=_MOST, description="In any 24 hours.")] = 20_000
    misses_per_hour: Annotated[
        int,
        Field(ge=0, le=1_000, description="Different identifiers that match nobody, from which on there is an alarm."),
    ] = 20
    log_format: Annotated[
        Literal["text", "json"] | None, Field(description="Form of log lines. Default: text if embedded, else json.")
    ] = None
    console: Annotated[Literal["on", "off"], Field(description="The administrator's page, at /console.")] = "on"
    metrics: Annotated[
        Literal["on", "off"] | None, Field(description="Prometheus' text at /metrics. Default: off if embedded.")
    ] = None
    metrics_port: Annotated[
        int | None, Field(ge=0, le=65535, description="Where a worker serves /metrics, at HOST. Unset: nowhere.")
    ] = None
    docs: Annotated[
        Literal["on", "off"] | None, Field(description="The contract as a page, at /docs. Default: on if embedded.")
    ] = None

    cors_origins: Annotated[
        str | None, Field(pattern=_ORIGINS, description="Origins whose pages may call the API, with spaces between.")
    ] = None

    oidc_issuer: Annotated[
        str | None,
        Field(
            pattern=r"^(https://|http://(localhost|127\.0\.0\.1|\[::1\])([:/]|$))[^\s?#]*$",
            description="https:// of an identity provider; all four of them, or none.",
        ),
    ] = None
    oidc_audience: Annotated[str | None, Field(description="Whom its tokens must be for: this service.")] = None
    oidc_client_id: Annotated[str | None, Field(description="The console's name at the provider.")] = None
    oidc_client_secret: Annotated[str | None, Field(description="The console's secret there.")] = None
    oidc_claim: Annotated[
        str, Field(description='The claim that holds {"acme": ["administrator"]}; dots lead into objects.')
    ] = "dossier"

    @property
    def embedded(self) -> bool:
        return self.database_url is None

    @property
    def shows_metrics(self) -> bool:
        return (self.metrics or ("off" if self.embedded else "on")) == "on"

    @property
    def shows_console(self) -> bool:
        return self.console == "on"

    @property
    def shows_docs(self) -> bool:
        return (self.docs or ("on" if self.embedded else "off")) == "on"

    @property
    def compiles_itself(self) -> bool:
        """Whether the API's process takes jobs: nobody else can on its own database, or nobody would be woken."""
        return self.embedded or self.redis_url is None

    @property
    def sign_of_life(self) -> Path:
        """What a worker touches every few seconds, for its probe."""
        return self.var_dir / "worker-lives"

    @property
    def quotas(self) -> Quotas:
        return Quotas(**{name: getattr(self, name) for name in Quotas.__slots__})

    @property
    def service_quotas(self) -> Quotas:
        return Quotas(**{name: getattr(self, f"service_{name}") for name in Quotas.__slots__})

    def s3_url(self, endpoint: str) -> str:
        """The endpoint with its scheme: its own, or the one that `s3_secure` says."""
        if "://" in endpoint:
            return endpoint
        return f"http{'' if self.s3_secure is False else 's'}://{endpoint}"

    @property
    def migrates_itself(self) -> bool:
        return (self.migrate or ("auto" if self.embedded else "manual")) == "auto"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Raises Misconfigured with one sentence; a secret's value is never part of it."""
    given = {
        name: secret_of(environ, variable(name)) if name in SECRETS else environ.get(variable(name))
        for name in Settings.model_fields
    }
    try:
        settings = Settings.model_validate({name: text for name, text in given.items() if text})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Misconfigured(f"{variable(str(first['loc'][0]))}: {first['msg']}.") from error
    for wrong, sentence in _CONFLICTS:
        if wrong(settings):
            raise Misconfigured(sentence)
    return settings


def unknown_settings(environ: Mapping[str, str]) -> list[str]:
    """Variables with our prefix that are no setting of this version, a typo perhaps."""
    known = {variable(name) for name in Settings.model_fields}.union(OF_THE_CLIENT)
    known |= {file_of(variable(name)) for name in SECRETS}
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)


_CONFLICTS: tuple[tuple[Callable[[Settings], bool], str], ...] = (
    (
        lambda given: not given.embedded and given.secret_key is None,
        "DOSSIER_SECRET_KEY is not set; with DOSSIER_DATABASE_URL every process needs the same one, of at least "
        "32 random characters (openssl rand -hex 32).",
    ),
    (
        lambda given: (given.s3_access_key is None) != (given.s3_secret_key is None),
        "DOSSIER_S3_ACCESS_KEY and DOSSIER_S3_SECRET_KEY belong together; set both, or none of them.",
    ),
    (
        lambda given: (
            given.s3_secure is not None
            and (given.s3_endpoint or "").startswith("http:" if given.s3_secure else "https:")
        ),
        "DOSSIER_S3_SECURE says the opposite of DOSSIER_S3_ENDPOINT's scheme; leave one of them out.",
    ),
    (
        lambda given: len({getattr(given, name) is None for name in OIDC}) > 1,
        "DOSSIER_OIDC_ISSUER, DOSSIER_OIDC_AUDIENCE, DOSSIER_OIDC_CLIENT_ID and DOSSIER_OIDC_CLIENT_SECRET belong "
        "together; set all of them, or none.",
    ),
    (
        lambda given: given.downloads == "redirect" and given.s3_endpoint is None,
        "DOSSIER_DOWNLOADS=redirect needs DOSSIER_S3_ENDPOINT: a directory cannot be reached by browsers.",
    ),
)


def variable(name: str) -> str:
    return PREFIX + name.upper()
