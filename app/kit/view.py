"""The base of what goes over HTTP: what clients send, what they are answered, and how a moment is written there."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer

from app.kit.clock import rfc3339

Moment = Annotated[datetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]


class Body(BaseModel):
    """What a client sends: a member that is not known is an error, and so is a value of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class View(BaseModel):
    """What a client is answered; can be filled from any object that has the same attributes."""

    model_config = ConfigDict(frozen=True, from_attributes=True)
