"""The composition root: from settings to use cases. The only module that names adapters."""

import fcntl
import os
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from app.access.keys import Keys
from app.audit.group import GroupedTrail
from app.audit.ledger import Ledger
from app.audit.trail import Trail
from app.exports.compile import Compile
from app.exports.download import Download
from app.exports.end import EndExport
from app.exports.expire import ExpireArchives
from app.exports.link import LinkArchive
from app.exports.ready import RequireReady
from app.exports.request import RequestExport
from app.exports.retry import RetryExport
from app.exports.sending import Sendings
from app.exports.use_cases import Exports
from app.exports.work import ExportWork
from app.history.browse import Browse
from app.jobs.local import LocalBell
from app.jobs.port import Bell
from app.jobs.redis import RedisBell
from app.jobs.run import RunJob
from app.jobs.tick import Tick
from app.kit.clock import Clock, now
from app.kit.crew import Crew
from app.kit.db import Database, database_url
from app.kit.errors import Misconfigured
from app.kit.logs import configure, log, whereabouts
from app.kit.page import PageTokens
from app.kit.seal import Keyring
from app.kit.threads import Threads
from app.settings import Settings, unknown_settings
from app.sources.agents import read_agent
from app.sources.candidate import Candidates
from app.sources.engine import Limits
from app.sources.engines.postgres import PostgresEngine
from app.sources.engines.sqlite import SqliteEngine
from app.sources.port import DataSource
from app.sources.registry import Registry, read_registry
from app.sources.source import MappedSource, Plan
from app.storage.local import LocalStore
from app.storage.port import ArchiveStore, StoreUnavailable
from app.storage.s3 import Bucket, S3Store
from app.visitors.search import Search


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that the web process and the workers run on."""

    settings: Settings
    crew: Crew
    threads: Threads
    registry: Registry
    store: ArchiveStore
    bell: Bell
    keys: Keys
    ledger: Ledger
    grouped: GroupedTrail
    search: Search
    browse: Browse
    exports: Exports
    run_job: RunJob
    tick: Tick

    @property
    def database(self) -> Database:
        return self.ledger.database

    async def close(self) -> None:
        """In the reverse of the order in which they were opened."""
        async with AsyncExitStack() as stack:
            sendings = self.exports.download.sendings
            for part in (self.database, self.keys, self.grouped, self.registry, self.store, self.bell, sendings):
                stack.push_async_callback(part.close)
        self.threads.close()


def build_services(settings: Settings, environ: Mapping[str, str], clock: Clock = now) -> Services:
    """Raises Misconfigured. Opens nothing but files: connections come with the first use."""
    threads = Threads()
    registry = build_registry(settings, environ, clock, threads)
    ledger = Ledger(build_database(settings), Trail(clock))
    database, grouped = ledger.database, GroupedTrail(ledger.database, ledger.trail)
    keyring = Keyring(_secret(settings), settings.secret_key_previous)
    keys, candidates = Keys(ledger, clock), Candidates(keyring, clock)
    store, bell = build_store(settings, threads), RedisBell(settings.redis_url) if settings.redis_url else LocalBell()
    browse = Browse(database, PageTokens(keyring, clock), clock)
    require_ready = RequireReady(browse, ledger)
    exports = Exports(
        request=RequestExport(registry, candidates, ledger, bell, clock),
        browse=browse,
        require_ready=require_ready,
        download=Download(ledger, store, Sendings(ledger, clock), clock),
        link=LinkArchive(require_ready, ledger, keys, clock),
        retry=RetryExport(browse, ledger, bell, clock),
        end=EndExport(browse, ledger, store),
    )
    work = ExportWork(ledger, registry, keys, candidates, store, Compile(store, clock), clock)
    return Services(
        settings=settings,
        crew=Crew(),
        threads=threads,
        registry=registry,
        store=store,
        bell=bell,
        keys=keys,
        ledger=ledger,
        grouped=grouped,
        search=Search(registry, candidates, grouped, clock),
        browse=browse,
        exports=exports,
        run_job=RunJob(database, work, clock),
        tick=Tick(database, work, [ExpireArchives(ledger, store, clock)], bell, clock),
    )


def build_database(settings: Settings) -> Database:
    if settings.database_url:
        return Database(database_url(settings.database_url))
    return Database(database_url(f"sqlite:///{make_folder(settings.var_dir).absolute() / 'dossier.db'}"))


def build_keys(settings: Settings, clock: Clock = now) -> tuple[Database, Keys]:
    database = build_database(settings)
    return database, Keys(Ledger(database, Trail(clock)), clock)


def build_registry(
    settings: Settings, environ: Mapping[str, str], clock: Clock = now, shared: Threads | None = None
) -> Registry:
    threads = shared or Threads()

    def postgresql(plan: Plan, dsn: str) -> DataSource:
        return MappedSource(plan, PostgresEngine(make_url(dsn), _limits(plan), threads), clock, read_agent)

    def sqlite(plan: Plan, dsn: str) -> DataSource:
        path = Path(make_url(dsn).database or "")
        return MappedSource(plan, SqliteEngine(path, _limits(plan), threads), clock, read_agent)

    return read_registry(settings.data_centers, environ, {"postgresql": postgresql, "sqlite": sqlite})


def _limits(plan: Plan) -> Limits:
    mapping = plan.mapping
    return Limits(mapping.search_timeout, mapping.export_timeout, mapping.connections, mapping.row_security)


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


def start_logging(settings: Settings, environ: Mapping[str, str]) -> None:
    configure(settings.log_format or ("text" if settings.embedded else "json"))
    for name in unknown_settings(environ):
        log.warning("%s is no setting of this version and does nothing; see README.", name)


async def prepare_schema(settings: Settings, database: Database) -> None:
    """Brings the schema up, or stops with one sentence where that is somebody else's task."""
    state = await database.state()
    if state == "ok":
        return
    if settings.migrates_itself:
        await database.migrate()
    elif state == "behind":
        log.warning("the schema is of an earlier version; once all processes run this one: `python -m app migrate`.")
    elif state == "unreachable":
        raise Misconfigured("Dossier's own database does not answer; check DOSSIER_DATABASE_URL.")
    else:
        raise Misconfigured("The database's schema is not this version's; run `python -m app migrate` first.")


async def prepare_store(services: Services) -> None:
    """The bucket is made where there is none. A store that is away now may come back, so the process starts."""
    try:
        await services.store.check()
    except StoreUnavailable as error:
        log.warning("the archive store cannot be used yet: %s (%s)", error.detail, whereabouts(error))


def hold_lock(settings: Settings, stack: ExitStack) -> None:
    """Keeps a second embedded process out: it would take the first one's jobs for abandoned."""
    try:
        file = stack.enter_context((make_folder(settings.var_dir) / "lock").open("w"))
    except OSError as error:
        raise Misconfigured(f"DOSSIER_VAR_DIR: {settings.var_dir}/lock cannot be opened: {error.strerror}.") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise Misconfigured(
            f"Another process already serves {settings.var_dir}; stop it, or set DOSSIER_VAR_DIR to another directory."
        ) from error


def _secret(settings: Settings) -> str:
    if settings.secret_key:
        return settings.secret_key
    file = make_folder(settings.var_dir) / "secret-key"
    if not file.exists():
        draft = file.with_name(f".secret-key-{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32))
        # The first process to link its draft wins, and nobody ever reads half a key.
        with suppress(FileExistsError):
            file.hardlink_to(draft)
        draft.unlink()
    if not (secret := file.read_text()):
        raise Misconfigured(f"{file} is empty; restore it from a backup, or delete it to have a new key made.")
    return secret


def make_folder(path: Path) -> Path:
    """A directory of the service's own, for its owner alone. Raises Misconfigured."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"DOSSIER_VAR_DIR: {path} cannot be made: {error.strerror}.") from error
    return path
