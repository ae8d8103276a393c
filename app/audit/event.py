"""One fact: who did what, where, to what end. Holds masked labels, handles and ids, nothing raw."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

Outcome = Literal["done", "refused", "failed"]
Details = Mapping[str, str | int | None]
Action = Literal[
    "visitors:search",
    "visitors:alarm",
    "exports:request",
    "exports:start",
    "exports:ready",
    "exports:fail",
    "exports:cancel",
    "exports:revoke",
    "exports:retry",
    "exports:download",
    "exports:sent",
    "exports:link",
    "exports:expire",
    "erasures:preview",
    "erasures:request",
    "erasures:approve",
    "erasures:start",
    "erasures:done",
    "erasures:fail",
    "erasures:cancel",
    "erasures:retry",
    "access:refuse",
    "console:sign-in",
    "console:sign-out",
    "keys:create",
    "keys:revoke",
]


@dataclass(frozen=True, slots=True)
class By:
    """Who acts: the administrator's name, where the request came from, by which key, and whether that is another
    service's. Dossier itself has neither address nor key."""

    name: str
    address: str | None = None
    reference: str | None = None
    key_id: str = ""
    service: bool = False


SERVICE = By("dossier")
# Who acts without a valid key.
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    action: Action
    by: By
    data_center: str | None
    outcome: Outcome = "done"
    data_source: str | None = None
    entry_id: UUID | None = None
    details: Details = field(default_factory=dict)
