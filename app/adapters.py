"""Chooses the adapters, by the settings: the embedded ones, or servers. The only module that names them."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from sqlalchemy import URL

from app.access.counter import Counter, OwnCounter, SharedCounter
from app.access.grants import Grants
from app.access.joined import Tokens
from app.access.redis import RedisCounter
from app.jobs.local import LocalBell
from app.jobs.port import Bell
from app.jobs.redis import RedisBell
from app.kit.address import parsed
from app.kit.clock import Clock, now
from app.kit.db import Database, database_url
from app.kit.threads import Threads
from app.settings import Settings
from app.sources.agents import read_agent
from app.sources.engine import Engine, Limits
from app.sources.engines.mariadb import MariadbEngine
from app.sources.engines.postgres import PostgresEngine
from app.sources.engines.sqlite import SqliteEngine
from app.sources.files import Connect, engine_of, known_urls, read_registry, read_source
from app.sources.plan import Plan
from app.sources.port import DataSource
from app.sources.registry import Registry
from app.sources.source import MappedSource
from app.startup import make_file, make_folder
from app.storage.local import LocalStore
from app.storage.port import ArchiveStore
from app.storage.s3 import Bucket, S3Store

NewEngine = Callable[[URL, Limits, Threads], Engine]
_ENGINES: Mapping[str, NewEngine] = {"postgresql": PostgresEngine, "mariadb": MariadbEngine, "sqlite": SqliteEngine}
_LOOKING = Limits(search_seconds=10, export_seconds=10, connections=1, row_security=True)


def build_database(settings: Settings) -> Database:
    if settings.database_url:
        return Database(database_url(settings.database_url))
    # SQLite's other two files take its mode.
    file = make_file(make_folder(settings.var_dir).absolute() / "dossier.db")
    return Database(database_url(f"sqlite:///{file}"))


def build_bell(settings: Settings) -> Bell:
    return RedisBell(settings.redis_url) if settings.redis_url else LocalBell()


def build_counter(settings: Settings, clock: Clock) -> Counter:
    own = OwnCounter(clock)
    return SharedCounter(RedisCounter(settings.redis_url, clock), own) if settings.redis_url else own


def build_tokens(settings: Settings, grants: Grants, data_centers: Collection[str], clock: Clock) -> Tokens | None:
    """None where no identity provider is configured."""
    if not (
        settings.oidc_issuer and settings.oidc_audience and settings.oidc_client_id and settings.oidc_client_secret
    ):
        return None
    # Only here, because whoever has keys alone, and every worker, need not have it in memory.
    from app.access.oidc import Oidc, Provider  # noqa: PLC0415

    agreed = Provider(
        settings.oidc_issuer, settings.oidc_audience, settings.oidc_client_id, settings.oidc_client_secret,
        settings.oidc_claim,
    )  # fmt: skip
    return Oidc(agreed, grants, data_centers, clock)


def build_registry(
    settings: Settings, environ: Mapping[str, str], clock: Clock = now, shared: Threads | None = None
) -> Registry:
    return read_registry(settings.data_centers, environ, source_engines(clock, shared or Threads()))


def build_source(file: Path, environ: Mapping[str, str], clock: Clock = now) -> DataSource:
    """One data source by its file, for whoever is writing it. Raises Misconfigured."""
    return read_source(file, environ, source_engines(clock, Threads()))


def source_engines(clock: Clock, threads: Threads) -> Mapping[str, Connect]:
    def mapped(new: NewEngine) -> Connect:
        def connect(plan: Plan, dsn: str, erase_dsn: str | None) -> DataSource:
            engine = new(parsed(dsn), _limits(plan), threads)
            eraser = new(parsed(erase_dsn), _erasing_limits(plan), threads) if erase_dsn else None
            return MappedSource(plan, engine, eraser, clock, read_agent)

        return connect

    return {name: mapped(new) for name, new in _ENGINES.items()}


def build_engine(dsn: str) -> tuple[str, Engine]:
    """A database by its URL alone, for looking into it; its engine's name comes first. Raises ValueError."""
    name = engine_of(dsn)
    if name not in _ENGINES:
        raise ValueError(f"it must be a URL that begins with one of {known_urls(_ENGINES)}")
    return name, _ENGINES[name](parsed(dsn), _LOOKING, Threads())


def _limits(plan: Plan) -> Limits:
    mapping = plan.mapping
    return Limits(mapping.search_timeout, mapping.export_timeout, mapping.connections, mapping.row_security)


def _erasing_limits(plan: Plan) -> Limits:
    """One place to erase, and one to count for whoever looks at what would be erased."""
    mapping = plan.mapping
    return Limits(mapping.export_timeout, mapping.export_timeout, 2, mapping.row_security, writes=True)


def build_store(settings: Settings, threads: Threads) -> ArchiveStore:
    if settings.s3_endpoint is None:
        return LocalStore(make_folder(settings.var_dir / "archives"), threads)
    public = settings.s3_public_endpoint or settings.s3_endpoint
    return S3Store(
        Bucket(
            settings.s3_bucket, settings.s3_url(settings.s3_endpoint),
            settings.s3_url(public) if settings.downloads == "redirect" else None,
            settings.s3_region, settings.s3_access_key, settings.s3_secret_key,
            settings.s3_ca_file, settings.s3_encryption,
        ),
        threads,
    )  # fmt: skip
