"""What is written in place of a customer's id, wherever people may read it: one rule for logs, samples and reports.

`LOG_CUSTOMER_IDS` says what stands for an id: `hash`, a keyed hash that is the same on every machine with the same key,
`clear`, the id itself, or `none`. Who can guess ids, such as numbers or mail addresses, can hash all of them and find
one by its hash: such a shop sets `LOG_HASH_KEY`, and keeps it.
"""

import os
from collections.abc import Callable, Mapping
from hashlib import blake2b

from serving.errors import ServingError

CustomerMask = Callable[[str], str | None]

HASH, CLEAR, NONE = WAYS = "hash", "clear", "none"
HIDDEN = "not shown"
"""Stands in a table where `none` leaves no name."""

MAX_KEY_BYTES = 64  # of a key of BLAKE2b
PURPOSE = b"customer-in-log"  # this hash is neither the one in Redis nor the one that draws the sample


class MaskError(ServingError, ValueError):
    """`LOG_CUSTOMER_IDS` or `LOG_HASH_KEY` cannot be used."""


def customer_mask(way: str, key: str = "") -> CustomerMask:
    """Return the function from a customer's id to 16 hexadecimal digits, to itself, or to None.

    Args:
        way: one of `WAYS`.
        key: of the hash.

    Raises:
        MaskError: there is no such way, or the key is too long.
    """
    if way not in WAYS:
        raise MaskError(f"LOG_CUSTOMER_IDS is {way!r}; use hash, clear or none.")
    if len(key.encode()) > MAX_KEY_BYTES:
        raise MaskError(f"LOG_HASH_KEY is longer than {MAX_KEY_BYTES} bytes; use a shorter key.")

    def hashed(customer_id: str) -> str:
        encoded = customer_id.encode(errors="surrogatepass")
        return blake2b(encoded, digest_size=8, key=key.encode(), person=PURPOSE).hexdigest()

    return {HASH: hashed, CLEAR: lambda customer_id: customer_id, NONE: lambda customer_id: None}[way]


def mask_of_environment(environment: Mapping[str, str] = os.environ) -> CustomerMask:
    """Return the mask that the environment asks for, by default the hash.

    Raises:
        MaskError: a variable has a value that cannot be used.
    """
    way = environment.get("LOG_CUSTOMER_IDS") or HASH
    return customer_mask(way.lower(), environment.get("LOG_HASH_KEY") or "")
