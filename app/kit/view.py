"""The base of what goes over HTTP: what clients send, what they are answered, and how moments and text stand there."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import CoreSchema

from app.kit.clock import rfc3339
from app.kit.text import no_controls

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)
# What `no_controls` and `not_blank` let through, for the OpenAPI document.
_CONTROLS = r"\u0000-\u001f\u007f-\u009f"
NO_CONTROLS = f"^[^{_CONTROLS}]*$"
NOT_BLANK = rf"^[^{_CONTROLS}]*[^\s{_CONTROLS}][^{_CONTROLS}]*$"


def _written_out(text: object) -> object:
    """pydantic would take numbers and dates without a time, too. Raises ValueError."""
    if isinstance(text, str) and not _RFC_3339.fullmatch(text):
        raise ValueError("must be a moment like 2026-11-23T16:00:00Z (RFC 3339; in an address, + is written %2B)")
    return text


Moment = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
MomentSent = Annotated[AwareDatetime, BeforeValidator(_written_out)]
ShortText = Annotated[
    str, Field(max_length=64, json_schema_extra={"pattern": NO_CONTROLS}), AfterValidator(no_controls)
]


@dataclass(frozen=True, slots=True)
class MayGrow:
    """Marks the words of an answer. A generated client refuses what is no word of an enumeration, so one that was made
    today would fail on tomorrow's word; the contract therefore allows any text beside the words that are known."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"type": "string"}]}


class Body(BaseModel):
    """What a client sends: a member that is not known is an error, and so is a value of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class View(BaseModel):
    """What a client is answered; can be filled from any object that has the same attributes."""

    model_config = ConfigDict(frozen=True, from_attributes=True)
