"""What the rest of the house knows of a data source: it finds visitors, and reads one of them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, Protocol
from uuid import UUID

from app.kit.errors import Conflict, Unavailable
from app.kit.language import Language
from app.sources.erasing import Erasing, Scope
from app.sources.identifier import Identifier

Value = str | int | float | bool | bytes | Decimal | UUID
SectionStatus = Literal["included", "absent", "withheld"]
# Why a section is not there, for whoever puts it into words: several people share the combination, or the database
# has no such table or column.
SectionReason = Literal["shared", "lacking"]


class SourceUnavailable(Unavailable):
    """A data source's database did not answer in time, or not at all. Searches name it; exports are tried
    again several times before they fail. Check that the database runs and can be reached from here."""

    slug = "source-unavailable"
    title = "A data source does not answer"


class NotConnected(SourceUnavailable):
    """No connection came about. Its detail says why, with names of hosts and users: for the log and for commands, never
    for clients. The mend has the place `{url}` for what holds the address."""

    def __init__(self, detail: str, mend: str) -> None:
        super().__init__(detail)
        self._mend = mend

    def told(self, url: str) -> str:
        """The whole sentence."""
        return f"{self.detail}; {self._mend.format(url=url)}."


class SourceMisconfigured(Conflict):
    """A data source's mapping does not fit its database: a table, column or right is missing, or a query
    does not return what it must. `python -m app sources check` says which."""

    slug = "source-misconfigured"
    title = "A data source's mapping does not fit its database"


class SchemaLacks(SourceMisconfigured):
    """A table or column that a query names does not exist in this database."""


class VisitorGone(Conflict):
    """When the export began to read, the data source held no row of the chosen visitor and combination any
    more. Search again to see what there is now."""

    slug = "visitor-gone"
    title = "The visitor is not there any more"


class ValueNotEncodable(Conflict):
    """A value in the data source cannot be written as JSON (text that is not UTF-8, or a JSON column that
    holds no JSON). The log and the audit trail name section and column; nothing was delivered in part."""

    slug = "value-not-encodable"
    title = "A value cannot be written as JSON"

    def __init__(self, where: str, column: str) -> None:
        super().__init__(f"{where}, column {column}")


@dataclass(frozen=True, slots=True)
class Combination:
    """A device and a browser on which one visitor acted, as the database returned them."""

    device: Value | None
    browser: Value | None
    os: str | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    interactions: int | None = None
    people: int | None = None
    user_agents: tuple[str, ...] = ()

    @property
    def shared(self) -> bool:
        return (self.people or 1) > 1

    def is_on(self, device: Value | None, browser: Value | None) -> bool:
        """Whether this is the combination of exactly these values, types included."""
        mine, theirs = (self.device, self.browser), (device, browser)
        return mine == theirs and [type(one) for one in mine] == [type(one) for one in theirs]


@dataclass(frozen=True, slots=True)
class Visitor:
    """One data source's record of a person; `label` is raw, and masked before it goes anywhere."""

    key: Value
    label: str | None
    matched_by: str
    combinations: tuple[Combination, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found in one data source; `more` says that not all of it is here."""

    visitors: tuple[Visitor, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A named group of rows, and what the law wants to be said about it (GDPR, Art. 15(1)), in one language. `labels`
    names its columns for people, `time` is the one that dates a row."""

    name: str
    title: str
    category: str
    origin: str
    purpose: str
    retention: str
    recipients: str | tuple[str, ...] | None
    scope: str
    because: str | None
    time: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    status: SectionStatus = "included"
    reason: SectionReason | None = None
    # Rows that belong to somebody else too, and stay out.
    withheld_rows: int = 0
    withheld_because: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows in order, each one JSON object in UTF-8, `size` bytes in all; `moments` date them where the mapping
    names a column."""

    rows: Sequence[bytes]
    moments: Sequence[datetime | None] | None
    size: int


class Reading(Protocol):
    """One visitor's data, all from one read-only snapshot; `source` and `sections` in the language asked for."""

    source: "SourceFacts"
    as_of: datetime
    combination: Combination
    other_combinations: int
    sections: tuple[Section, ...]
    rows_estimated: int | None

    def rows(self, name: str) -> Iterator[Batch]:
        """The batches of an included section, read ahead by a thread of the source's; for another thread to iterate,
        to the end, one section after the other. Raises ValueNotEncodable, SourceUnavailable, SourceMisconfigured."""

    def stop(self) -> None:
        """From any thread: whoever iterates `rows` waits no more, and meets an error."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What may be said of a data source without asking it, in one language."""

    id: str
    title: str
    engine: str
    tracking_id_hint: str | None
    mapping_sha256: str
    rotating_id: bool
    unbound: tuple[Section, ...]
    omitted: tuple[tuple[str, str], ...]
    exports_at_once: int
    row_security: bool
    time_zone: str | None
    # Whether its mapping says how a visitor is erased, and for how long backups hold the rows after that.
    erasable: bool = False
    backups: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about a mapping and its database; a warning leaves it usable."""

    text: str
    warning: bool = False


class DataSource(Protocol):
    """`facts` are in the data center's language."""

    facts: SourceFacts

    async def find(self, identifier: Identifier) -> Found | None:
        """The matching visitors, or None where the source has no query for this kind of identifier."""

    def read(
        self, visitor: Value, device: Value | None, browser: Value | None, language: Language | None = None
    ) -> AbstractAsyncContextManager[Reading]:
        """In that language, or the data center's. Raises VisitorGone if no row of the combination is left, and what
        `find` raises."""

    def erase(
        self, visitor: Value, device: Value | None, browser: Value | None, scope: Scope, *, looking: bool = False
    ) -> AbstractAsyncContextManager[Erasing]:
        """Who is only `looking` counts, and waits for no erasure. Raises NotErasable, and what `find` raises."""

    async def check(self) -> list[Finding]:
        """Prepares every query, and says what does not hold."""

    async def reach(self) -> None:
        """Returns if the database answers. Raises SourceUnavailable."""

    async def close(self) -> None: ...
