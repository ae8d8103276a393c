"""The composition root: from settings to use cases."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from app.access.counter import Counter
from app.access.grants import Grants
from app.access.index_key import IndexKey
from app.access.joined import JoinedAccess, Tokens
from app.access.keys import Keys
from app.access.limits import RateLimits
from app.access.port import Access
from app.access.public_keys import PublicKeys
from app.access.sessions import Sessions
from app.adapters import build_bell, build_counter, build_database, build_registry, build_store, build_tokens
from app.archive.assets import Assets
from app.audit.browse import BrowseAudit
from app.audit.group import GroupedTrail
from app.audit.ledger import Ledger
from app.audit.refusals import Refusals
from app.audit.sealer import Sealer
from app.audit.seals import Heads
from app.audit.trail import Trail
from app.erasures.approve import ApproveErasure
from app.erasures.end import EndErasure
from app.erasures.plan import Plans
from app.erasures.preview import PreviewErasure
from app.erasures.receipt import ReadReceipt
from app.erasures.request import RequestErasure
from app.erasures.retry import RetryErasure
from app.erasures.use_cases import Erasures
from app.erasures.work import ErasureWork
from app.exports.compile import Ceilings, Compile
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
from app.history.turn import WorkInTurn
from app.history.use_cases import History
from app.history.watch import Watch
from app.jobs.port import Bell
from app.jobs.run import RunJob
from app.jobs.tick import Chore, Tick
from app.kit.clock import Clock, now
from app.kit.crew import Crew
from app.kit.db import Database
from app.kit.metrics import Metrics
from app.kit.page import PageTokens
from app.kit.seal import Keyring
from app.kit.threads import Threads
from app.kit.traces import Traces, read_traces
from app.settings import Settings
from app.sources.candidate import Candidates
from app.sources.handles import GetHandles
from app.sources.registry import Registry
from app.startup import read_or_make_secret
from app.storage.port import ArchiveStore, prepare_soon
from app.visitors.memory import Memory
from app.visitors.misses import Misses
from app.visitors.search import Search
from app.webhooks.deliver import Deliver
from app.webhooks.outbox import Outbox
from app.webhooks.send import Sender


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
    counter: Counter
    keys: Keys
    access: Access
    oidc: Tokens | None
    public_keys: PublicKeys
    index_key: IndexKey
    sessions: Sessions
    ledger: Ledger
    grouped: GroupedTrail
    refusals: Refusals
    sealer: Sealer
    search: Search
    history: History
    exports: Exports
    erasures: Erasures
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
        if self.oidc:
            return "DOSSIER_OIDC_ISSUER is set, which needs this one's"
        if any(center.about.erasure != "off" for center in self.registry.centers.values()):
            return "center.toml says `erasure`, which needs this one's"
        return "center.toml names webhooks, which need this one's" if self.deliver.receivers else None

    async def close(self) -> None:
        """In the reverse of the order in which they were opened."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.traces.close)
            parts = (self.ledger.database, self.sealer, self.keys, self.grouped, self.registry, self.store, self.bell)
            for part in (*parts, self.counter, self.exports.watch, self.exports.download.sendings, self.refusals):
                stack.push_async_callback(part.close)
            if self.oidc:
                stack.push_async_callback(self.oidc.close)
        self.threads.close()


def build_services(
    settings: Settings, environ: Mapping[str, str], clock: Clock = now, process: str = "api"
) -> Services:
    """Raises Misconfigured. Opens nothing but files: connections come with the first use."""
    threads, metrics = Threads(), Metrics()
    traces = read_traces(environ, "dossier" if settings.embedded else f"dossier-{process}", threads)
    registry, store = build_registry(settings, environ, clock, threads), build_store(settings, threads)
    bell, counter = build_bell(settings), build_counter(settings, clock)
    ledger = Ledger(build_database(settings), Trail(clock, metrics), (Outbox(registry.receivers, clock),))
    keyring = build_keyring(settings)
    keys, candidates = Keys(ledger, clock), Candidates(keyring, clock)
    grants = Grants(ledger, clock)
    oidc = build_tokens(settings, grants, registry.centers, clock) if process == "api" else None
    # What was granted is all that a worker asks for.
    access: Access = keys if process == "api" and not oidc else JoinedAccess(keys, grants, oidc)
    index_key, sessions = IndexKey(ledger, keyring, clock), Sessions(ledger, access, clock)
    handles = GetHandles(index_key.hashes)
    public_keys = PublicKeys(ledger, signers := keyring.signers(), clock)
    crew = Crew()
    watch = Watch(ledger.database, clock, crew.over)
    tokens = PageTokens(keyring, clock)
    browse = Browse(ledger.database, tokens, clock)
    grouped = GroupedTrail(ledger.database, ledger.trail)
    refusals = Refusals(grouped, clock)
    assets = Assets()
    compile_archive = Compile(store, clock, traces, assets, signers[0], _ceilings(settings))
    exporting = ExportWork(ledger, registry, access, candidates, store, compile_archive, clock)
    erasing = ErasureWork(ledger, registry, access, candidates, handles, signers[0], clock)
    work = WorkInTurn(registry, {"export": exporting, "erasure": erasing})
    limits = RateLimits(counter, settings.quotas, settings.service_quotas)
    misses = Misses(counter, grouped, settings.misses_per_hour)
    memory = Memory(registry, ledger.database)
    request = RequestExport(registry, candidates, handles, ledger, bell, limits, clock, traces)
    exports = _exports(request, browse, watch, store, access)
    erasures = _erasures(request, browse, watch, Plans(keyring, clock), assets)
    deliver = Deliver(ledger.database, registry.receivers, Sender(clock), clock)
    chores: list[Chore] = [
        ExpireArchives(ledger, store, clock), exports.request_once.once.delete_old, deliver.delete_old,
        erasures.end.lapse, sessions.delete_old, refusals.write_due, keys.uses.write_due, public_keys.remember,
        partial(prepare_soon, store), *([grants.delete_old] if oidc else []),
    ]  # fmt: skip
    return Services(
        settings, crew, metrics, traces, threads, registry, store, bell, counter, keys, access, oidc, public_keys,
        index_key, sessions, ledger, grouped, refusals, Sealer(ledger.database, signers, clock),
        search=Search(registry, candidates, handles, grouped, limits, misses, memory, clock, metrics, traces),
        history=History(browse, BrowseAudit(ledger.database, tokens), Heads(ledger.database), handles),
        exports=exports,
        erasures=erasures,
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
        download=Download(ledger, store, Sendings(ledger, clock), request.limits, clock),
        link=LinkArchive(require_ready, ledger, access, clock),
        retry=RetryExport(browse, ledger, bell, request.limits, clock, request.traces),
        end=EndExport(browse, ledger, store),
        clock=clock,
    )


def _erasures(request: RequestExport, browse: Browse, watch: Watch, plans: Plans, assets: Assets) -> Erasures:
    """All of them on what the request for an export has."""
    registry, candidates, handles, ledger = request.registry, request.candidates, request.handles, request.ledger
    bell, limits, clock, traces = request.bell, request.limits, request.clock, request.traces
    return Erasures(
        preview=PreviewErasure(registry, candidates, handles, plans, ledger, clock),
        request=RequestErasure(registry, candidates, plans, handles, ledger, bell, limits, clock, traces),
        approve=ApproveErasure(registry, candidates, browse, ledger, bell, clock),
        retry=RetryErasure(browse, ledger, bell, clock, traces),
        end=EndErasure(browse, ledger, clock),
        receipt=ReadReceipt(browse, ledger, assets.templates),
        browse=browse,
        watch=watch,
        clock=clock,
    )


def _ceilings(settings: Settings) -> Ceilings:
    return Ceilings(settings.max_rows, settings.max_archive_bytes)


def build_keyring(settings: Settings) -> Keyring:
    return Keyring(read_or_make_secret(settings), settings.secret_key_previous)


def build_keys(settings: Settings, clock: Clock = now) -> tuple[Database, Keys]:
    database = build_database(settings)
    return database, Keys(Ledger(database, Trail(clock, Metrics())), clock)
