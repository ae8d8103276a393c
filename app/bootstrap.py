"""The composition root: from settings to use cases. The only module that names adapters."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import URL

from app.access.keys import Keys
from app.access.port import Access
from app.access.public_keys import PublicKeys
from app.access.sessions import Sessions
from app.archive.assets import Assets
from app.audit.browse import BrowseAudit
from app.audit.group import GroupedTrail
from app.audit.ledger import Ledger
from app.audit.refusals import Refusals
from app.audit.sealer import Sealer
from app.audit.seals import Heads
from app.audit.trail import Trail
from app.exports.compile import Compile
from app.exports.download import Download
from app.exports.end import EndExport
from app.exports.expire import ExpireArchives
from app.exports.link import LinkArchive
from app.exports.once import Once, RequestOnce
from app.exports.ready import RequireReady
from app.exports.request import RequestExport
from app.exports.retry import RetryExport
from app.exports.sending import Sendings
from app.exports.use_cases import Exports
from app.exports.work import ExportWork
from app.health.scrape import Scrape
from app.history.browse import Browse
from app.history.use_cases import History
from app.history.watch import Watch
from app.jobs.local import LocalBell
from app.jobs.port import Bell
from app.jobs.redis import RedisBell
from app.jobs.run import RunJob
from app.jobs.tick import Chore, Tick
from app.kit.address import parsed
from app.kit.clock import Clock, now
from app.kit.crew import Crew
from app.kit.db import Database, database_url
from app.kit.metrics import Metrics
from app.kit.page import PageTokens
from app.kit.seal import Keyring
from app.kit.threads import Threads
from app.kit.traces import Traces, read_traces
from app.settings import Settings
from app.sources.agents import read_agent
from app.sources.candidate import Candidates
from app.sources.engine import Engine, Limits
from app.sources.engines.mariadb import MariadbEngine
from app.sources.engines.postgres import PostgresEngine
from app.sources.engines.sqlite import SqliteEngine
from app.sources.files import Connect, engine_of, known_urls, read_registry, read_source
from app.sources.plan import Plan
from app.sources.port import DataSource
from app.sources.registry import Registry
from app.sources.source import MappedSource
from app.startup import make_file, make_folder, read_or_make_secret
from app.storage.local import LocalStore
from app.storage.port import ArchiveStore, prepare_soon
from app.storage.s3 import Bucket, S3Store
from app.visitors.search import Search
from app.webhooks.deliver import Deliver
from app.webhooks.outbox import Outbox
from app.webhooks.send import Sender

NewEngine = Callable[[URL, Limits, Threads], Engine]
_ENGINES: Mapping[str, NewEngine] = {"postgresql": PostgresEngine, "mariadb": MariadbEngine, "sqlite": SqliteEngine}
_LOOKING = Limits(search_seconds=10, export_seconds=10, connections=1, row_security=True)


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that the web process and the workers run on."""

    settings: Settings
    crew: Crew
    metrics: Metrics
    traces: Traces
    threads: Threads
    registry: Registry
    store: ArchiveStore
    bell: Bell
    keys: Keys
    public_keys: PublicKeys
    sessions: Sessions
    ledger: Ledger
    grouped: GroupedTrail
    refusals: Refusals
    sealer: Sealer
    search: Search
    history: History
    exports: Exports
    run_job: RunJob
    deliver: Deliver
    tick: Tick

    @property
    def database(self) -> Database:
        return self.ledger.database

    @property
    def scrape(self) -> Scrape:
        return Scrape(self.metrics, self.database, self.threads, self.exports.watch, self.exports.clock)

    @property
    def needs(self) -> str | None:
        """What was configured and needs the newest schema."""
        return "center.toml names webhooks, which need this one's" if self.deliver.receivers else None

    async def close(self) -> None:
        """In the reverse of the order in which they were opened."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.traces.close)
            parts = (self.ledger.database, self.sealer, self.keys, self.grouped, self.registry, self.store, self.bell)
            for part in (*parts, self.exports.watch, self.exports.download.sendings, self.refusals):
                stack.push_async_callback(part.close)
        self.threads.close()


def build_services(
    settings: Settings, environ: Mapping[str, str], clock: Clock = now, process: str = "api"
) -> Services:
    """Raises Misconfigured. Opens nothing but files: connections come with the first use."""
    threads, metrics = Threads(), Metrics()
    traces = read_traces(environ, "dossier" if settings.embedded else f"dossier-{process}", threads)
    registry, store = build_registry(settings, environ, clock, threads), build_store(settings, threads)
    bell: Bell = RedisBell(settings.redis_url) if settings.redis_url else LocalBell()
    ledger = Ledger(build_database(settings), Trail(clock, metrics), (Outbox(registry.receivers, clock),))
    keyring = build_keyring(settings)
    keys, candidates = Keys(ledger, clock), Candidates(keyring, clock)
    sessions = Sessions(ledger, keys, clock)
    public_keys = PublicKeys(ledger, signers := keyring.signers(), clock)
    crew = Crew()
    watch = Watch(ledger.database, clock, crew.over)
    tokens = PageTokens(keyring, clock)
    browse = Browse(ledger.database, tokens, clock)
    grouped = GroupedTrail(ledger.database, ledger.trail)
    refusals = Refusals(grouped, clock)
    work = ExportWork(ledger, registry, keys, candidates, store, Compile(store, clock, traces, Assets()), clock)
    exports = _exports(RequestExport(registry, candidates, ledger, bell, clock, traces), browse, watch, store, keys)
    deliver = Deliver(ledger.database, registry.receivers, Sender(clock), clock)
    chores: list[Chore] = [
        ExpireArchives(ledger, store, clock), exports.request_once.once.delete_old, deliver.delete_old,
        sessions.delete_old, refusals.write_due, partial(prepare_soon, store), public_keys.remember,
    ]  # fmt: skip
    return Services(
        settings, crew, metrics, traces, threads, registry, store, bell, keys, public_keys, sessions, ledger, grouped,
        refusals, Sealer(ledger.database, signers, clock),
        search=Search(registry, candidates, grouped, clock, metrics, traces),
        history=History(browse, BrowseAudit(ledger.database, tokens), Heads(ledger.database), candidates),
        exports=exports,
        run_job=RunJob(ledger.database, work, clock, metrics, traces),
        deliver=deliver,
        tick=Tick(ledger.database, work, chores, bell, clock),
    )  # fmt: skip


def _exports(request: RequestExport, browse: Browse, watch: Watch, store: ArchiveStore, access: Access) -> Exports:
    """All of them on the ledger, the bell and the clock of the request."""
    ledger, bell, clock = request.ledger, request.bell, request.clock
    require_ready = RequireReady(browse, ledger)
    return Exports(
        request_once=RequestOnce(request, Once(ledger.database, clock)),
        browse=browse,
        watch=watch,
        require_ready=require_ready,
        download=Download(ledger, store, Sendings(ledger, clock), clock),
        link=LinkArchive(require_ready, ledger, access, clock),
        retry=RetryExport(browse, ledger, bell, clock, request.traces),
        end=EndExport(browse, ledger, store),
        clock=clock,
    )


def build_database(settings: Settings) -> Database:
    if settings.database_url:
        return Database(database_url(settings.database_url))
    # SQLite's other two files take its mode.
    file = make_file(make_folder(settings.var_dir).absolute() / "dossier.db")
    return Database(database_url(f"sqlite:///{file}"))


def build_keyring(settings: Settings) -> Keyring:
    return Keyring(read_or_make_secret(settings), settings.secret_key_previous)


def build_keys(settings: Settings, clock: Clock = now) -> tuple[Database, Keys]:
    database = build_database(settings)
    return database, Keys(Ledger(database, Trail(clock, Metrics())), clock)


def build_registry(
    settings: Settings, environ: Mapping[str, str], clock: Clock = now, shared: Threads | None = None
) -> Registry:
    return read_registry(settings.data_centers, environ, source_engines(clock, shared or Threads()))


def build_source(file: Path, environ: Mapping[str, str], clock: Clock = now) -> DataSource:
    """One data source by its file, for whoever is writing it. Raises Misconfigured."""
    return read_source(file, environ, source_engines(clock, Threads()))


def source_engines(clock: Clock, threads: Threads) -> Mapping[str, Connect]:
    def mapped(new: NewEngine) -> Connect:
        return lambda plan, dsn: MappedSource(plan, new(parsed(dsn), _limits(plan), threads), clock, read_agent)

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
