"""What a request for an export takes, and what a link looks like; an export itself is the history's `Export`."""

from typing import Annotated

from pydantic import Field

from app.kit.language import Language
from app.kit.view import Body, Moment, ShortText, View
from app.sources.candidate import LONGEST_TOKEN


class ExportRequest(Body):
    candidate: Annotated[
        str, Field(min_length=1, max_length=LONGEST_TOKEN, description="The token of one combination.")
    ]
    case_reference: Annotated[
        ShortText | None, Field(description="The number of the person's request; groups several exports.")
    ] = None
    language: Annotated[
        Language | None,
        Field(description="Of the archive's report and README. Without it, the data center's."),
    ] = None


class LinkView(View):
    url: Annotated[str, Field(description="An absolute path at this service, which needs no header.")]
    expires_at: Annotated[Moment, Field(description="At most five minutes ahead, never beyond the export's own.")]
