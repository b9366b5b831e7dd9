"""The log of requests: one line for each, on standard error.

Stage: around the routes. In: what `request_watch` saw of a request. Out: lines of JSON without a customer's id in
clear, unless `LOG_CUSTOMER_IDS=clear`: the customer is written as `customer_mask` says, the path as its route's
template.
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import NamedTuple

from serving.cache.list_buckets import Source
from serving.customer_mask import CustomerMask, customer_mask
from serving.logs.background_lines import BackgroundLines
from serving.lookup.answers import ServedList
from serving.settings import Settings


class SeenRequest(NamedTuple):
    """An answered request.

    Attributes:
        time: when it was answered, in Unix seconds.
        route: template of its path.
        seconds: from the request to the end of its answer.
        caller: None where the route needs no key.
        customer_id: of the path.
        served: the lists of the answer.
    """

    time: float
    request_id: str
    method: str
    route: str
    status: int
    seconds: float
    caller: str | None
    customer_id: str | None
    served: Sequence[ServedList]


class RequestLog:
    """The log of one application.

    Attributes:
        lines: where all lines of the log go, those of `log_records`, too.
    """

    def __init__(self, settings: Settings, count_dropped: Callable[[int], None]) -> None:
        level = logging.getLevelNamesMapping()[settings.log_level.upper()]
        self._is_on = settings.log_requests and level <= logging.ERROR
        self._has_info = level <= logging.INFO
        self._mask = customer_mask(settings.log_customer_ids, settings.log_hash_key)
        self.lines: BackgroundLines[str] = BackgroundLines("log", str, _write_to_stderr, count_dropped)

    def log(self, seen: SeenRequest) -> None:
        """Log a request: as an error if the server failed, else as information."""
        if self._is_on and (self._has_info or seen.status >= 500):
            self.lines.put(request_line(seen, self._mask))


def request_line(seen: SeenRequest, mask: CustomerMask) -> str:
    """Return a request's line; unknown values are left out.

    What many requests share is encoded once: a line takes two microseconds, a fifth of `json.dumps`. The writing thread
    does not do it, because two busy threads of Python hinder each other.
    """
    customer = mask(seen.customer_id) if seen.customer_id else None
    of_customer = "" if customer is None else f', "customer": {quoted(customer)}'
    time = f"{_second(int(seen.time))}.{int(seen.time % 1 * 1000):03d}+00:00"
    return (
        f'{{"time": "{time}", "request_id": "{seen.request_id}", '
        f"{_about_request(seen.method, seen.route, seen.status, seen.caller)}, "
        f'"ms": {seen.seconds * 1000:.3f}{of_customer}{_of_lists(seen.served)}}}\n'
    )


@lru_cache(maxsize=4)
def _second(unix_second: int) -> str:
    return datetime.fromtimestamp(unix_second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=1024)
def _about_request(method: str, route: str, status: int, caller: str | None) -> str:
    facts = {"level": "error" if status >= 500 else "info", "method": method, "route": route, "status": status}
    return json.dumps(facts if caller is None else facts | {"caller": caller})[1:-1]


def _of_lists(served: Sequence[ServedList]) -> str:
    if not served:
        return ""
    source = served[0].source if len(served) == 1 else None
    return _about_lists(len(served), source, served[0].version)


@lru_cache(maxsize=4096)
def _about_lists(n_lists: int, source: Source | None, version: str) -> str:
    facts = {"lists": n_lists} if source is None else {"lists": n_lists, "source": source.name.lower()}
    return ", " + json.dumps(facts | {"version": version})[1:-1]


def _write_to_stderr(lines: bytes) -> None:
    while lines:  # one write may take a part only
        lines = lines[os.write(sys.stderr.fileno(), lines) :]
