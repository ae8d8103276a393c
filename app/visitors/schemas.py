"""What a search takes and answers."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypeAliasType

from app.kit.view import Body, MayGrow, Moment, View
from app.sources.identifier import IdentifierKind, IdentifierText

SourceStatus = TypeAliasType("SourceStatus", Literal["answered", "unavailable", "unsupported"])


class SearchRequest(Body):
    identifier: Annotated[IdentifierText, Field(description="A Tracking ID or an email, as typed.")]
    kind: Annotated[IdentifierKind | None, Field(description="Without it, something with an `@` is an email.")] = None


class IdentifierView(View):
    kind: Annotated[IdentifierKind, MayGrow()]
    masked: str


class CombinationView(View):
    candidate: Annotated[
        str | None,
        Field(description="A sealed token for POST …/exports; lives 15 minutes. `null` where none can carry it."),
    ]
    device: Annotated[str | None, Field(description="`null` and empty are two values; show both as Unknown.")]
    browser: str | None
    os: str | None
    warnings: Annotated[
        list[str],
        Field(
            description="`shared-browser`: several people used it. `rotating-id`. `not-exportable`. "
            "`erased-before`: it was erased, and is here again."
        ),
    ]
    first_seen: Moment | None
    last_seen: Moment | None
    interactions: int | None


class VisitorView(View):
    label: Annotated[str, Field(description="Masked.")]
    handle: str
    matched_by: str
    erased_at: Annotated[Moment | None, Field(description="When the visitor was erased here, the last time.")]
    combinations: list[CombinationView]


class UnboundSection(View):
    name: str
    title: str
    because: str


class SourceView(View):
    id: str
    title: str
    status: Annotated[SourceStatus, MayGrow()]
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
