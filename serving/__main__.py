"""`python -m serving`: run the API under uvicorn; see `serving.settings` for its environment variables."""

import argparse
import sys
from collections.abc import Sequence

import uvicorn

from serving import settings as settings_help
from serving.app import create_app
from serving.redis_connection import RedisUnreachable, redis_url
from serving.settings import Settings, SettingsError


def main(arguments: Sequence[str] = ()) -> int:
    """Serve until told to stop; 2 when a setting cannot be used, 4 when the embedded Redis cannot be started."""
    argparse.ArgumentParser(
        prog="python -m serving",
        description=settings_help.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(arguments)
    try:
        settings = Settings.from_environment()
        redis_url()  # an embedded Redis that cannot start is better told before uvicorn than from inside it
    except RedisUnreachable as error:
        print(error, file=sys.stderr)
        return 4
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        access_log=False,
        proxy_headers=False,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
