"""Whether a database can be asked at all, and by which variable it is the wrong one."""

import asyncio

from app.sources.engine import Engine
from app.sources.mapping import SourceMapping
from app.sources.port import Finding, NotConnected, SourceMisconfigured, SourceUnavailable


async def refused(mapping: SourceMapping, engine: Engine) -> Finding | None:
    """Why there is no connection: said once, before every question would meet it."""
    url, seconds = holder(mapping.dsn), mapping.search_timeout
    try:
        async with asyncio.timeout(seconds), engine.session(long=False):
            return None
    except TimeoutError:
        late = f"the connection: no answer within {seconds:g} s"
        return Finding(f"{late}; look whether the server is well, or correct host and port in {url}.")
    except NotConnected as error:
        return Finding(error.told(url))
    except (SourceMisconfigured, SourceUnavailable) as error:
        return Finding(f"{error.detail}; it is the server of {url}.")


def elsewhere(mapping: SourceMapping) -> str:
    return f"correct the database in {holder(mapping.dsn)}"


def holder(variable: str) -> str:
    """How messages name a URL without a word of it."""
    return f"the URL that {variable} holds"
