"""Run an application under uvicorn: httptools parses, uvloop waits, and `TimedProtocol` ends what takes too long.

In: an application with its settings. Out: when the process is told to stop, requests in progress have
`SHUTDOWN_SECONDS` to end.
"""

import sys
from functools import partial

import uvicorn
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE

from serving.logs.log_records import configure_logging
from serving.server.open_connections import Limits, OpenConnections
from serving.server.timed_protocol import TimedProtocol
from serving.settings import Settings

BACKLOG = 128  # connections that wait to be taken; more than one turn of the event loop ever leaves


def serve(app: FastAPI) -> None:
    """Serve an application until the process is stopped.

    Raises:
        SystemExit: the application does not start, or the port is taken.
    """
    settings: Settings = app.state.settings
    configure_logging(settings, app.state.request_log.lines)
    limits = Limits(settings.max_connections, settings.head_seconds, settings.body_seconds)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http=partial(TimedProtocol, connections=OpenConnections(limits)),
            ws="none",
            backlog=BACKLOG,
            timeout_keep_alive=settings.keep_alive_seconds,
            timeout_graceful_shutdown=settings.shutdown_seconds,
            log_config=None,
            log_level=settings.log_level,
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
    )
    server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)
