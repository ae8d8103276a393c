"""What a search takes and answers."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.history.schemas import HANDLE_DIGITS, Moment, View
from app.kit.text import no_controls, not_blank
from app.sources.identifier import Kind
from app.visitors.search import OfferedCombination, OfferedVisitor, SearchAnswer, SourceAnswer

IdentifierText = Annotated[
    str, Field(min_length=1, max_length=512), AfterValidator(no_controls), AfterValidator(not_blank)
]


class SearchRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    identifier: Annotated[IdentifierText, Field(description="A Tracking ID or an email, as typed.")]
    kind: Annotated[Kind | None, Field(description="Without it, something with an `@` is an email.")] = None


class IdentifierView(View):
    kind: Kind
    masked: str


class CombinationView(View):
    candidate: Annotated[str, Field(description="A sealed token for POST …/exports; lives 15 minutes.")]
    device: Annotated[str | None, Field(description="`null` and empty are two values; show both as Unknown.")]
    browser: str | None
    os: str | None
    warnings: Annotated[list[str], Field(description="`shared-browser`: several people used it. `rotating-id`.")]
    first_seen: Moment | None
    last_seen: Moment | None
    interactions: int | None


class VisitorView(View):
    label: Annotated[str, Field(description="Masked.")]
    handle: str
    matched_by: str
    combinations: list[CombinationView]


class UnboundSection(View):
    name: str
    title: str
    because: str


class SourceView(View):
    id: str
    title: str
    status: Literal["answered", "unavailable", "unsupported"]
    problem: Annotated[str | None, Field(description="The slug of what kept it from answering.")]
    visitors: list[VisitorView]
    unbound_sections: Annotated[
        list[UnboundSection], Field(description="Sections that leave whichever combination is chosen, and why.")
    ]
    more: Annotated[bool, Field(description="Whether there are combinations beyond the 200 shown.")]


class SearchResult(View):
    identifier: IdentifierView
    searched_at: Moment
    data_sources: list[SourceView]


def result_view(answer: SearchAnswer) -> SearchResult:
    return SearchResult(
        identifier=IdentifierView(kind=answer.identifier.kind, masked=answer.identifier.masked),
        searched_at=answer.searched_at,
        data_sources=[_source(one) for one in answer.data_sources],
    )


def _source(answer: SourceAnswer) -> SourceView:
    unbound = answer.facts.unbound if answer.status == "answered" else ()
    return SourceView(
        id=answer.facts.id,
        title=answer.facts.title,
        status=answer.status,
        problem=answer.problem,
        visitors=[_visitor(one) for one in answer.visitors],
        unbound_sections=[UnboundSection(name=one.name, title=one.title, because=one.because or "") for one in unbound],
        more=answer.more,
    )


def _visitor(visitor: OfferedVisitor) -> VisitorView:
    return VisitorView(
        label=visitor.label,
        handle=visitor.handle[:HANDLE_DIGITS],
        matched_by=visitor.matched_by,
        combinations=[_combination(one) for one in visitor.combinations],
    )


def _combination(offered: OfferedCombination) -> CombinationView:
    one = offered.combination
    return CombinationView(
        candidate=offered.token,
        device=None if one.device is None else str(one.device),
        browser=None if one.browser is None else str(one.browser),
        os=one.os,
        warnings=list(offered.warnings),
        first_seen=one.first_seen,
        last_seen=one.last_seen,
        interactions=one.interactions,
    )
