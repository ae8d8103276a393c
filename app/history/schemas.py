"""How an export or an erasure looks to clients, while it runs and years later, alone and as a history item."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field
from typing_extensions import TypeAliasType

from app.history.entry import Archive, Entry, Erased, Status
from app.jobs.job import Progress
from app.kit.page import LONGEST_TOKEN, Size
from app.kit.view import Body, MayGrow, Moment, View
from app.sources.candidate import HANDLE_DIGITS
from app.sources.erasing import Scope
from app.sources.identifier import IdentifierKind, IdentifierText

# Named in the contract, so that generated clients have one type for each, and not one for each place where it stands.
EntryKind = TypeAliasType("EntryKind", Literal["export", "erasure"])
ExportStatus = TypeAliasType("ExportStatus", Status)
ErasureScope = TypeAliasType("ErasureScope", Scope)


class SourceRef(View):
    id: str
    title: str


class VisitorRef(View):
    label: Annotated[str, Field(description="Masked.")]
    handle: Annotated[str, Field(description="The start of a keyed hash: the same for the same visitor everywhere.")]


class ProgressView(View):
    sections_done: int
    sections_total: int
    rows: int
    rows_estimated: int | None
    bytes: int


class Links(View):
    self: str
    archive: Annotated[str | None, Field(description="There only while a download would succeed.")]
    receipt: Annotated[str | None, Field(description="Of an erasure, once it is done.")]


class Export(View):
    """One export or erasure, and at once its item in the history. An erasure has no archive."""

    id: UUID
    kind: Annotated[EntryKind, MayGrow()]
    status: Annotated[ExportStatus, MayGrow(), Field(description="`expired` is derived from `expires_at`.")]
    data_source: SourceRef
    visitor: VisitorRef
    device: str | None
    browser: str | None
    case_reference: str | None
    requested_by: str
    requested_at: Moment
    compiled_at: Moment | None
    expires_at: Annotated[Moment | None, Field(description="Exactly 14 × 24 h after `compiled_at`.")]
    progress: ProgressView | None
    size: int | None
    sha256: str | None
    downloads: Annotated[int, Field(description="Answers that sent the archive's last byte.")]
    last_downloaded_at: Moment | None
    problem: Annotated[str | None, Field(description="The slug of what made it fail; see /problems/{slug}.")]
    scope: Annotated[
        ErasureScope | None,
        MayGrow(),
        Field(description="What an erasure takes: all of the visitor, or the combination."),
    ]
    erased_at: Annotated[Moment | None, Field(description="When nothing was found any more of what was to go.")]
    backups_until: Annotated[Moment | None, Field(description="Until when backups may hold what was erased.")]
    links: Links


class HistoryPage(View):
    items: list[Export]
    next_page_token: str | None


class HistorySearch(Body):
    identifier: Annotated[IdentifierText, Field(description="A Tracking ID or an email, as typed.")]
    kind: Annotated[IdentifierKind | None, Field(description="Without it, something with an `@` is an email.")] = None
    page_size: Size = 50
    page_token: Annotated[str | None, Field(max_length=LONGEST_TOKEN)] = None


class AuditView(View):
    """One fact. `details` differ by action; nothing in them is raw personal data."""

    id: int
    at: Moment
    action: str
    outcome: Annotated[str, Field(description="`done`, `refused` or `failed`.")]
    actor: Annotated[str, Field(description="The key's name; `dossier`: the service itself; `unknown`: no valid key.")]
    data_source: str | None
    entry_id: Annotated[UUID | None, Field(description="The export or erasure that it is about.")]
    address: Annotated[str | None, Field(description="Where the request came from.")]
    reference: Annotated[str | None, Field(description="The request's own id, as in the log and in problems.")]
    details: dict[str, Any]


class AuditPage(View):
    items: list[AuditView]
    next_page_token: str | None


class AuditHead(View):
    """What the trail of a data center was at a moment: an RFC 6962 Merkle tree over its events, signed."""

    tree: Annotated[str, Field(description="The data center's id.")]
    size: Annotated[int, Field(description="How many events, in the order of their ids.")]
    root: Annotated[str, Field(description="64 hex digits.")]
    at: Moment
    key_id: Annotated[str, Field(description="As `/v1/keys` lists it.")]
    signature: Annotated[
        str,
        Field(
            description="Ed25519, in base64url without padding, over six lines that each end with a line feed:"
            " `dossier-audit-head/1`, and `tree`, `size`, `root`, `at` and `key_id` as they stand here."
        ),
    ]


def address(entry: Entry) -> str:
    return f"/v1/data-centers/{entry.data_center}/{entry.kind}s/{entry.id}"


def export_view(entry: Entry) -> Export:
    same = {name: getattr(entry, name) for name in Entry.__slots__ if name in Export.model_fields}
    compiled = {name: getattr(entry.archive, name, None) for name in Archive.__slots__}
    erased = {name: getattr(entry.erased, name, None) for name in Erased.__slots__}
    other = {"progress": _progress(entry.progress) if entry.progress else None}
    return Export(
        **(same | compiled | erased | other),
        data_source=SourceRef(id=entry.source_id, title=entry.source_title),
        visitor=VisitorRef(label=entry.label, handle=entry.handle[:HANDLE_DIGITS]),
        links=Links(
            self=address(entry),
            archive=f"{address(entry)}/archive" if entry.status == "ready" else None,
            receipt=f"{address(entry)}/receipt" if entry.status == "done" else None,
        ),
    )


def export_json(entry: Entry) -> dict[str, Any]:
    """The same, ready to be sent or kept."""
    return export_view(entry).model_dump(mode="json")


def _progress(made: Progress) -> ProgressView:
    return ProgressView(
        sections_done=made.parts_done, sections_total=made.parts_total,
        rows=made.rows, rows_estimated=made.rows_estimated, bytes=made.bytes,
    )  # fmt: skip
