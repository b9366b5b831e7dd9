"""What the serving API is measured against: the least that FastAPI and Redis can do for one answer.

One GET of one key, its bytes are the body. `python -m benchmarks.http.bare_api PORT REDIS_URL SERVER`, where the server
is `fast`, httptools and uvloop as below the API, or `plain`, uvicorn with nothing else installed.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Response

from serving.connection.redis_connection import connect_async


def bare_app(redis_url: str) -> FastAPI:
    """Return an application that answers `GET /{key}` with the value of the key."""
    client = connect_async(redis_url, timeout_seconds=1.0)

    @asynccontextmanager
    async def connected(app: FastAPI) -> AsyncIterator[None]:
        yield
        await client.aclose()

    app = FastAPI(lifespan=connected)

    @app.get("/{key}")
    async def value(key: str) -> Response:
        """The value of a key."""
        return Response(await client.get(key), media_type="application/json")

    return app


SERVERS = {"fast": {"http": "httptools", "loop": "uvloop"}, "plain": {"http": "h11", "loop": "asyncio"}}


if __name__ == "__main__":
    port, redis_url, server = sys.argv[1:]
    uvicorn.run(bare_app(redis_url), port=int(port), log_level="warning", access_log=False, **SERVERS[server])
