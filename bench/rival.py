"""The least that could answer a search: Starlette and asyncpg, the same two queries, no key, no seal, no event."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg  # type: ignore[import-untyped]
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.search import COMBINATIONS, CONNECTIONS, FIND, PATH


@asynccontextmanager
async def pooled(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(os.environ["BENCH_URL"], min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        app.state.pool = pool
        yield


async def search(request: Request) -> JSONResponse:
    wanted = (await request.json())["identifier"]
    async with request.app.state.pool.acquire() as database:
        people = await database.fetch(FIND.replace(":tracking_id", "$1"), wanted)
        visitors = [
            {"label": one["label"], "combinations": [
                dict(row) | {name: row[name].isoformat() for name in ("first_seen", "last_seen")}
                for row in await database.fetch(COMBINATIONS.replace(":visitor", "$1"), one["visitor"])
            ]}
            for one in people
        ]  # fmt: skip
    return JSONResponse({"visitors": visitors})


if __name__ == "__main__":
    uvicorn.run(
        Starlette(routes=[Route(PATH, search, methods=["POST"])], lifespan=pooled),
        host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning", loop="uvloop", http="httptools",
    )  # fmt: skip
