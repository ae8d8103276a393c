"""The base of what goes over HTTP: what clients send, what they are answered, and how a moment is written there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, PlainSerializer, WithJsonSchema
from pydantic_core import CoreSchema

from app.kit.clock import rfc3339

Moment = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
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
