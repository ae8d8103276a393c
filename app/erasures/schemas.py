"""What a preview and a request for an erasure take, and what a preview answers; an erasure is a history item."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypeAliasType

from app.erasures.preview import Previewed
from app.history.schemas import ErasureScope, ExportStatus, VisitorRef
from app.kit.view import Body, MayGrow, Moment, ShortText, View
from app.sources.candidate import LONGEST_TOKEN
from app.sources.erasing import StepAction

_LONGEST_PLAN = 2 * LONGEST_TOKEN
ErasureAction = TypeAliasType("ErasureAction", StepAction)


class ErasurePreviewRequest(Body):
    candidate: Annotated[
        str, Field(min_length=1, max_length=LONGEST_TOKEN, description="The token of one combination.")
    ]


class ErasureRequest(Body):
    plan: Annotated[str, Field(min_length=1, max_length=_LONGEST_PLAN, description="As the preview answered it.")]
    confirm: Annotated[str, Field(min_length=1, max_length=64, description="The visitor's handle, typed again.")]
    revoke_exports: Annotated[bool, Field(description="Ready archives of the visitor are revoked with it.")] = True
    case_reference: Annotated[ShortText | None, Field(description="The number of the person's request.")] = None


class ErasureStep(View):
    table: str
    title: str
    action: Annotated[ErasureAction, MayGrow()]
    because: Annotated[str | None, Field(description="Why, above all why rows are kept.")]
    rows: Annotated[int, Field(description="Of the visitor, now.")]


class ExportRef(View):
    id: str
    status: Annotated[ExportStatus, MayGrow()]


class ErasurePreview(View):
    plan: Annotated[str, Field(description="A sealed token for POST …/erasures; can be used once.")]
    expires_at: Annotated[Moment, Field(description="15 minutes ahead.")]
    visitor: VisitorRef
    scope: Annotated[ErasureScope, MayGrow(), Field(description="All of the visitor, or the chosen combination.")]
    steps: list[ErasureStep]
    exports: Annotated[list[ExportRef], Field(description="The visitor's, unfinished or ready.")]
    needs_approval: Annotated[bool, Field(description="Another administrator has to approve it.")]


class ReceiptStepView(View):
    table: str
    title: str
    action: Annotated[ErasureAction, MayGrow()]
    because: str | None
    rows_before: int
    rows_after: Annotated[int, Field(description="Counted when everything was done.")]


class ErasureReceipt(View):
    """Signed: over all members but `signature`, in the spelling of RFC 8785."""

    format: str
    id: str
    data_center: str
    data_center_title: str
    data_source: str
    data_source_title: str
    language: str
    visitor: Annotated[str, Field(description="Masked.")]
    scope: Annotated[ErasureScope, MayGrow()]
    device: str | None
    browser: str | None
    case_reference: str | None
    requested_by: str
    requested_at: Moment
    approved_by: str | None
    approved_at: Moment | None
    erased_at: Moment
    backups_until: Moment | None
    steps: list[ReceiptStepView]
    revoked_exports: Annotated[list[str], Field(description="Ids of archives that were revoked with it.")]
    mapping_sha256: str
    algorithm: str
    key: Annotated[str, Field(description="As `/v1/keys` lists it.")]
    signature: Annotated[str, Field(description="In base64url without padding.")]


def preview_view(found: Previewed) -> ErasurePreview:
    steps = [
        ErasureStep(table=one.table, title=one.title, action=one.action, because=one.because, rows=rows)
        for one, rows in zip(found.steps, found.rows, strict=True)
    ]
    return ErasurePreview(
        plan=found.plan, expires_at=found.expires_at, visitor=VisitorRef(label=found.label, handle=found.handle),
        scope=found.scope, steps=steps, exports=[ExportRef(id=str(one.id), status=one.status) for one in found.exports],
        needs_approval=found.needs_approval,
    )  # fmt: skip
