"""`python -m serving`: run the API under uvicorn; see `serving.settings` for its environment variables."""

import argparse
import os
import sys
from collections.abc import Sequence

from serving import settings as settings_help
from serving.app import create_app
from serving.connection.redis_connection import redis_url
from serving.errors import ServingError
from serving.server.run import serve
from serving.settings import Settings


def main(arguments: Sequence[str] = ()) -> int:
    """Serve until the process is stopped.

    Returns:
        The exit code: 2 when a setting cannot be used, 4 when the embedded Redis cannot be started.
    """
    argparse.ArgumentParser(
        prog="python -m serving",
        description=settings_help.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    os.umask(0o077)  # the sample and the embedded Redis are nobody else's
    try:
        settings = Settings.from_environment()
        app = create_app(settings)
        redis_url()  # starts the embedded Redis; where that fails, uvicorn's traceback would bury why
    except ServingError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    serve(app)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
