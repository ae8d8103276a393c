"""What is wrong with one tree: its leaves, the events that they stand for, and its signed heads, as they pass."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row

from app.audit.entry import as_json, entry_of
from app.audit.merkle import Edge, leaf_hash
from app.audit.seals import SignedHead
from app.kit.clock import rfc3339
from app.kit.sign import PublicKey

# A head is signed within a minute of growth, unless nobody seals or somebody removes it.
_LATE_HEAD = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Finding:
    """Quotes nothing of an event but its id."""

    what: str
    level: Literal["wrong", "warning", "note"] = "wrong"


@dataclass(frozen=True, slots=True)
class Trusted:
    """Public keys by id: those that count, and those that the database itself lists. Whoever can write there can add
    one, so such a key proves nothing."""

    keys: Mapping[str, PublicKey]
    listed: Mapping[str, PublicKey]

    def wrong(self, head: SignedHead) -> str | None:
        """What is wrong with its signature."""
        key = self.keys.get(head.key_id) or self.listed.get(head.key_id)
        if key is None:
            return f"is signed by a key that nobody knows, {head.key_id}"
        return None if head.holds(key) else "was changed: its signature does not hold"


class TreeCheck:
    """Told of all leaves of a tree in their order, and of each head and each head that was kept elsewhere once its size
    is reached."""

    def __init__(self, tree: str, trusted: Trusted, now: datetime) -> None:
        self.tree, self._trusted, self._now = tree, trusted, now
        self.size = self.heads = 0
        # The tree as far as no leaf is missing.
        self._edge, self._whole = Edge(), True
        self._last_event = 0
        self._held: SignedHead | None = None
        self._rebuilt = False
        # Leaves that heads cover, and those that heads by a trusted key do.
        self._covered = self._vouched = 0
        self._uncovered: datetime | None = None
        self._outside: dict[str, int] = {}

    def leaf(self, row: Row[Any]) -> Iterator[Finding]:
        if row.position != self.size:
            self._whole = False
            yield Finding(_missing(self.size, row.position - 1))
        yield from self._event(row, f"event {row.event_id} (leaf {row.position})")
        if row.event_id <= self._last_event:
            yield Finding(f"leaf {row.position}, of event {row.event_id}, stands behind event {self._last_event}")
        self._last_event, self.size = row.event_id, row.position + 1
        try:
            self._edge.append(bytes.fromhex(row.hash))
        except ValueError:
            self._whole = False

    def head(self, head: SignedHead, edge: str) -> Iterator[Finding]:
        self.heads += 1
        self._covered, self._uncovered = head.size, None
        where = f"the head of {head.size} leaves, signed {rfc3339(head.at)},"
        if wrong := self._trusted.wrong(head):
            yield Finding(f"{where} {wrong}")
            return
        if head.key_id not in self._trusted.keys:
            self._outside[head.key_id] = head.size
        else:
            self._vouched = head.size
        if not _fits(head, edge):
            yield Finding(f"{where} has an edge of another tree")
        yield from self._root(head)

    def kept(self, head: SignedHead) -> Iterator[Finding]:
        """That was kept elsewhere."""
        where = f"the head of {head.size} leaves that was kept, signed {rfc3339(head.at)},"
        if wrong := self._trusted.wrong(head):
            yield Finding(f"{where} {wrong}")
        elif head.size > self.size:
            yield Finding(f"{where} is of a longer tree: its end was removed, {self.size} leaves are left")
        elif self._whole and self._edge.root != head.root:
            yield Finding(f"{where} is of another tree: something up to leaf {head.size - 1} was changed since")
        elif self._whole:
            yield Finding(f"up to leaf {head.size - 1} the tree is as it was signed {rfc3339(head.at)}", "note")
        if head.key_id in self._trusted.listed and head.key_id not in self._trusted.keys:
            yield Finding(f"{where} is signed by {head.key_id}, which is listed, but not of this secret", "warning")

    def end(self, beyond: Sequence[SignedHead]) -> Iterator[Finding]:
        """`beyond` are heads of more leaves than there are."""
        for head in beyond[:1]:
            said = f"the head of {head.size} leaves, signed {rfc3339(head.at)},"
            yield Finding(f"{said} is of a longer tree: its end was removed, {self.size} leaves are left")
        if not beyond and self._uncovered and self._now - self._uncovered > _LATE_HEAD:
            said = f"leaves {self._covered} to {self.size - 1} have no signed head, for {self._now - self._uncovered}"
            yield Finding(f"{said}: nobody seals, or heads were removed")
        for key_id, size in self._outside.items():
            said = f"heads up to {size} leaves are signed by {key_id}, which is listed, but not of this secret"
            yield Finding(said, "wrong" if size > self._vouched else "warning")

    def _event(self, row: Row[Any], name: str) -> Iterator[Finding]:
        if row.id is None:
            yield Finding(f"{name} was removed")
            return
        try:
            event = as_json(row)
        except ValueError:
            yield Finding(f"{name} was changed: it is not of an event's form")
            return
        found = leaf_hash(entry_of(event)).hex()
        if found != row.hash:
            yield Finding(f"{name} was changed: sealed as {row.hash}, it is {found}")
        elif (event["data_center"] or "") != self.tree:
            yield Finding(f"{name} belongs to another tree")
        self._uncovered = self._uncovered or datetime.fromisoformat(event["at"])

    def _root(self, head: SignedHead) -> Iterator[Finding]:
        """Once one root is another, all after it are."""
        if not self._whole or self._rebuilt:
            return
        if self._edge.root == head.root:
            self._held = head
            return
        self._rebuilt = True
        first, since = (self._held.size, rfc3339(self._held.at)) if self._held else (0, "the beginning")
        yield Finding(
            f"hashes were rebuilt: among leaves {first} to {head.size - 1}, which were signed between {since} and"
            f" {rfc3339(head.at)}, something was changed, removed, inserted or moved"
        )


def _missing(first: int, last: int) -> str:
    return f"leaf {first} is missing" if first == last else f"leaves {first} to {last} are missing"


def _fits(head: SignedHead, edge: str) -> bool:
    try:
        return Edge.read(head.size, edge).root == head.root
    except ValueError:
        return False
