"""A webhook for what somebody should be told: one POST of JSON whose "text" chat tools show as it is.

In: a night with alarms, NIGHTLY_WEBHOOK_URL. Out: the POST, tried a few times; what fails is said and changes nothing.
The address is a secret: whoever knows it can post. No message holds more of it than its host.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from recommender.nights.night_log import Night, as_plain

WEBHOOK_VARIABLE = "NIGHTLY_WEBHOOK_URL"
ATTEMPTS = 3
SECONDS = 10.0  # for one attempt
PAUSE_SECONDS = 2.0  # after the first attempt, twice as long after the next


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A POST that is redirected would arrive without its body."""

    def redirect_request(self, *_: object) -> None:
        return None


def tell(night: Night) -> bool:
    """Post a night that has alarms to the webhook, where there is one; returns whether it arrived."""
    url = os.environ.get(WEBHOOK_VARIABLE, "").strip()
    if not url or not night.alarms:
        return False
    if (host := _host(url)) is None:
        print(f"{WEBHOOK_VARIABLE} is no http:// or https:// address; nobody was told", file=sys.stderr)
        return False
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS * attempt)
        if (why := _why_not_in_time(url, message_of(night))) is None:
            return True
    print(f"the webhook at {host} was not told: {why}", file=sys.stderr)
    return False


def message_of(night: Night) -> dict[str, Any]:
    """Return what is posted: "text" for people, and the fields of `Night` for programs."""
    others = [each for each in night.alarms if each.text != night.reason]
    lines = [f"{night.dataset}: {night.reason}", *(f"- {each.kind}: {each.text}" for each in others)]
    return {"text": "\n".join(lines), **as_plain(night)}


def _host(url: str) -> str | None:
    """Return the host of an address that can be posted to; None when it is no such address."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.hostname if parts.scheme in ("http", "https") else None


def _why_not_in_time(url: str, message: Mapping[str, Any]) -> str | None:
    """Post once, for `SECONDS` in all: an answer that comes byte by byte would outlast the socket's own timeout."""
    outcome: list[str | None] = ["timed out"]

    def post() -> None:
        outcome[0] = _why_not_arrived(url, message)

    attempt = threading.Thread(target=post, daemon=True)
    attempt.start()
    attempt.join(SECONDS)
    return outcome[0]


def _why_not_arrived(url: str, message: Mapping[str, Any]) -> str | None:
    """Post once; returns what went wrong, None when nothing did."""
    body, headers = json.dumps(message).encode(), {"Content-Type": "application/json"}
    try:
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=SECONDS):
            return None
    except urllib.error.HTTPError as error:
        return f"it answered {error.code}"
    except OSError as error:
        return str(getattr(error, "reason", error))
    except (http.client.HTTPException, ValueError) as error:  # no answer of HTTP, or no address: its text would show it
        return type(error).__name__
