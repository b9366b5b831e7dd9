"""How the log and the sample write: one JSON object a line, all ASCII, times in UTC, customers' ids masked.

`LOG_CUSTOMER_IDS` says what stands for a customer's id: a keyed hash that is the same on every server with the same
key, the id itself, or nothing. Who can guess ids, such as numbers or mail addresses, can hash all of them and find one
by its hash: such a shop sets `LOG_HASH_KEY`, and keeps it.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from serving.settings import Settings

CustomerMask = Callable[[str], str | None]

PURPOSE = b"customer-in-log"  # this hash is neither the one in Redis nor the one that draws the sample


def json_line(facts: Mapping[str, Any]) -> str:
    """Return one line for facts with any characters; facts that are None are left out."""
    return json.dumps({name: value for name, value in facts.items() if value is not None}) + "\n"


def iso_time(unix_seconds: float) -> str:
    """Return a time in ISO 8601 with milliseconds."""
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds")


def customer_mask(settings: Settings) -> CustomerMask:
    """Return the function from a customer's id to 16 hexadecimal digits, to itself, or to None."""
    key = settings.log_hash_key.encode()

    def hashed(customer_id: str) -> str:
        encoded = customer_id.encode(errors="surrogatepass")
        return blake2b(encoded, digest_size=8, key=key, person=PURPOSE).hexdigest()

    return {"hash": hashed, "clear": lambda customer_id: customer_id, "none": lambda customer_id: None}[
        settings.log_customer_ids
    ]
