"""A route that is asked far more often than the others: the same checks and document, a cheaper call."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from app.kit.http import JSON, CheckedRoute


class DirectRoute(CheckedRoute):
    """A route like every other to whoever reads the OpenAPI document, sends it something or tests it.

    Its function takes `request`, the parameters of the path as text, and a model called `body`; it returns a model.
    FastAPI's way to call any function whatever costs as much as all the rest of such a request, so it is left out here,
    and the answer is encoded once, by its own model.
    """

    def handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        form: type[BaseModel] = self.endpoint.__annotations__["body"]

        async def handle(request: Request) -> Response:
            body = _validated(form, await request.body())
            answer: BaseModel = await self.endpoint(request=request, body=body, **request.path_params)
            return Response(answer.__pydantic_serializer__.to_json(answer), media_type=JSON)

        return handle


def _validated(form: type[BaseModel], body: bytes) -> BaseModel:
    """As FastAPI does it, so that the same mistakes are told with the same pointers and words on every route."""
    if not body:
        raise _refused("missing")
    try:
        return form.model_validate(json.loads(body), from_attributes=True)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from None
    except (ValueError, RecursionError):
        raise _refused("json_invalid") from None


def _refused(why: str) -> RequestValidationError:
    return RequestValidationError([{"type": why, "loc": ("body",), "msg": "", "input": {}}])
