"""How the log and the sample write: one JSON object a line, all ASCII, times in UTC."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def json_line(facts: Mapping[str, Any]) -> str:
    """Return one line for facts with any characters; facts that are None are left out."""
    return json.dumps({name: value for name, value in facts.items() if value is not None}) + "\n"


def iso_time(unix_seconds: float) -> str:
    """Return a time in ISO 8601 with milliseconds."""
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds")
