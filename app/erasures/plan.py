"""A plan: what an erasure would do, as somebody looked at it, sealed so that exactly that can be asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from app.kit.clock import Clock
from app.kit.errors import Conflict
from app.kit.logs import log
from app.kit.seal import Fingerprint, Keyring, SealBroken
from app.sources.candidate import Candidate, Choice, packed, unpacked
from app.sources.erasing import NotErasable, Scope, Step
from app.sources.port import DataSource, NotConnected, SourceMisconfigured, SourceUnavailable
from app.sources.registry import DataCenter, Registry

AGE = timedelta(minutes=15)
_GROWTH = 10


class PlanInvalid(Conflict):
    """The plan was changed, is older than 15 minutes, was made for another key or data center, or was used before. Look
    at the preview again, and send the new plan."""

    slug = "plan-invalid"
    title = "The plan does not hold"
    is_refusal = True


class PlanOutdated(Conflict):
    """Since the plan was made, the rows that would go have grown by more than a tenth, or the mapping was changed. Look
    at the preview again, and decide anew."""

    slug = "plan-outdated"
    title = "There is more to erase than the plan says"


class ErasureOff(Conflict):
    """This data center does not erase. `erasure = "one"` or `"two"` in its center.toml allows it: by one administrator,
    or by one and another who approves."""

    slug = "erasure-off"
    title = "Erasing is switched off here"


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom it was made for, and the rows of each step that were counted."""

    id: str
    candidate: Candidate
    scope: Scope
    mapping_sha256: str
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """Steps, and the rows of each."""

    steps: Sequence[Step]
    rows: Sequence[int]


class Plans:
    """Seals and opens plans."""

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        self._keyring, self._clock = keyring, clock

    def seal(self, plan: Plan) -> tuple[str, datetime]:
        """With the moment until which it holds."""
        of, now = plan.candidate, self._clock()
        bound = (of.key_id, of.data_center, of.data_source, of.label, of.identifier.key_id, of.identifier.digest)
        content = msgspec.json.encode(
            (plan.id, bound, packed(of.choice), plan.scope, plan.mapping_sha256, plan.rows)
        )  # fmt: skip
        return self._keyring.seal("plan", content, now), now + AGE

    def open(self, token: str, key_id: str, data_center: str) -> Plan:
        """Raises PlanInvalid."""
        try:
            content = self._keyring.open("plan", token, self._clock(), AGE)
        except SealBroken as error:
            raise PlanInvalid from error
        id_, bound, choice, scope, mapping_sha256, rows = msgspec.json.decode(content)
        to, center, source, label, *hashed = bound
        if (to, center) != (key_id, data_center):
            raise PlanInvalid
        candidate = Candidate(to, center, source, label, Fingerprint(*hashed), unpacked(choice))
        return Plan(id_, candidate, scope, mapping_sha256, tuple(rows))


def erasing_source(registry: Registry, data_center: str, source_id: str) -> tuple[DataCenter, DataSource]:
    """Raises NotFound, ErasureOff, NotErasable."""
    center, source = registry.find(data_center, source_id)
    if center.about.erasure == "off":
        raise ErasureOff
    if not source.facts.erasable:
        raise NotErasable
    return center, source


async def counted(source: DataSource, choice: Choice, scope: Scope) -> Counted:
    """What would go, now. Raises what the data source raises, but no names of hosts and users: they are for the log."""
    try:
        async with source.erase(choice.visitor, choice.device, choice.browser, scope, looking=True) as erasing:
            return Counted(erasing.steps, await erasing.count())
    except (SourceUnavailable, SourceMisconfigured) as error:
        log.warning("counting in data source %s: %s: %s", source.facts.id, error.slug, error.detail)
        if isinstance(error, NotConnected):
            raise SourceUnavailable from error
        raise


def check_growth(found: Counted, planned: Sequence[int]) -> None:
    """What is kept may grow as it likes. Raises PlanOutdated."""
    if len(planned) != len(found.rows):
        raise PlanOutdated
    for step, then, rows in zip(found.steps, planned, found.rows, strict=True):
        if step.action != "keep" and rows > then + then / _GROWTH:
            raise PlanOutdated(f"{step.title} ({step.table}): {then} rows were counted, now there are {rows}.")
