"""What receivers are sent, for the OpenAPI document: these are addresses of theirs, and none of ours."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header
from pydantic import Field

from app.kit.documented import answer
from app.kit.view import Body, Moment
from app.sources.receiver import EVENTS, Event

_SAID: dict[Event, str] = {
    "export.ready": "Its archive can be downloaded, for 14 days.",
    "export.failed": "`GET …/exports/{export}` says by which problem.",
    "export.expired": "Its archive is gone.",
}
_Id = Annotated[str, Header(alias="webhook-id", description="The message's own: the same at every attempt.")]
_At = Annotated[int, Header(alias="webhook-timestamp", description="Seconds since 1970, of this attempt.")]
_Signature = Annotated[
    str, Header(alias="webhook-signature", description="`v1,` and HMAC-SHA256 in Base64, for each secret; by spaces.")
]


class MessageData(Body):
    data_center: str
    export: Annotated[UUID, Field(description="Its id.")]
    status: str


class Message(Body):
    """Ids and a state, and nothing personal; ask the API for more."""

    type: Annotated[str, Field(description="`export.ready`, `export.failed` or `export.expired`; words are added.")]
    timestamp: Annotated[Moment, Field(description="When it happened.")]
    data: MessageData


def described() -> APIRouter:
    """Signed as Standard Webhooks say (https://www.standardwebhooks.com)."""
    router = APIRouter()
    for event in EVENTS:
        _add(router, event)
    return router


def _add(router: APIRouter, event: Event) -> None:
    taken = answer(204, "Taken; any 2xx is.") | answer(410, "Nothing more is sent until an operator resumes it.")

    @router.post(
        event, operation_id=event.replace(".", "_"), summary=f"Sent to receivers: {event}", description=_SAID[event],
        status_code=204, tags=["webhooks"], responses=taken,
    )  # fmt: skip
    def receive(body: Message, webhook_id: _Id, webhook_timestamp: _At, webhook_signature: _Signature) -> None: ...
