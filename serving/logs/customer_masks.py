"""What the log and the sample say instead of a customer's id, as `LOG_CUSTOMER_IDS` wants it.

In: a customer's id. Out: a keyed hash, the same on every server with the same key, the id, or nothing. Anyone who
can guess ids, because they are numbers or mail addresses, can hash all of them and find one again: such a shop sets
`LOG_HASH_KEY`, and keeps it.
"""

from collections.abc import Callable
from hashlib import blake2b

from serving.settings import Settings

CustomerMask = Callable[[str], str | None]

PURPOSE = b"customer-in-log"  # this hash is neither the one in Redis nor the one that draws the sample


def customer_mask(settings: Settings) -> CustomerMask:
    """Return the function from a customer's id to 16 hexadecimal digits, to itself, or to None."""
    key = settings.log_hash_key.encode()

    def hashed(customer_id: str) -> str:
        encoded = customer_id.encode(errors="surrogatepass")
        return blake2b(encoded, digest_size=8, key=key, person=PURPOSE).hexdigest()

    return {"hash": hashed, "clear": lambda customer_id: customer_id, "none": lambda customer_id: None}[
        settings.log_customer_ids
    ]
