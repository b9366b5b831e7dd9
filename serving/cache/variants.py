"""Which customers are served another version than everybody else, as in an A/B test.

Stage: codec of `contract`. In: the variants of a dataset as Redis holds them. Out: each customer's variant.

A customer's place between 0 and 1 is a hash of the id, the same at all times and on every server. A variant holds the
places from its start on, so that it keeps its customers when another variant begins or ends.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b

from serving.cache.contract import CacheFormatError
from serving.errors import ServingError

PURPOSE = b"variant"  # independent of everything else that is drawn by a hash of the customer
ROUNDING = 1e-9


class VariantError(ServingError, ValueError):
    """A variant cannot be started or ended."""


@dataclass(frozen=True)
class Variant:
    """A version that some customers are served.

    Attributes:
        name: of the variant.
        version: id of the published version.
        start: place of its first customers, from 0.
        share: of all customers, above 0; start + share is at most 1.
        since: UTC, ISO 8601.
    """

    name: str
    version: str
    start: float
    share: float
    since: str

    @property
    def end(self) -> float:
        """Where its places end."""
        return self.start + self.share


def variant_of(variants: Sequence[Variant], customer_id: str) -> Variant | None:
    """Return the variant that a customer is in, None for a customer in no variant."""
    place = customer_place(customer_id)
    return next((each for each in variants if each.start <= place < each.end), None)


def customer_place(customer_id: str) -> float:
    """Return the place of a customer, from 0 to below 1."""
    digest = blake2b(customer_id.encode(errors="surrogatepass"), digest_size=8, person=PURPOSE).digest()
    return int.from_bytes(digest, "big") / 2**64


def free_start(variants: Sequence[Variant], share: float) -> float:
    """Return the first place from which on a share of the customers is in no variant.

    Raises:
        VariantError: the share is out of range, or no such place is free.
    """
    if not 0 < share <= 1:
        raise VariantError(f"a share must be above 0 and at most 1; got {share}.")
    for start in sorted([0.0, *(each.end for each in variants)]):
        end = start + share
        is_free = all(end <= each.start + ROUNDING or each.end - ROUNDING <= start for each in variants)
        if end <= 1 + ROUNDING and is_free:
            return start
    taken = ", ".join(f"{each.name} {each.share:g}" for each in variants)
    raise VariantError(
        f"{share:g} of the customers are not free in one piece (taken: {taken}); end a variant or take a smaller share."
    )


def encode_variants(variants: Sequence[Variant]) -> bytes:
    """Return the value that Redis holds."""
    return json.dumps([asdict(each) for each in variants]).encode()


def decode_variants(value: bytes | None) -> tuple[Variant, ...]:
    """Return the variants that `encode_variants` wrote; without a value there are none.

    Raises:
        CacheFormatError: the value is damaged.
    """
    try:
        names = Variant.__dataclass_fields__
        variants = tuple(Variant(**{name: each[name] for name in names}) for each in json.loads(value or b"[]"))
        if not all(0 <= each.start < each.end <= 1 + ROUNDING for each in variants):
            raise ValueError("a share is out of range")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CacheFormatError(f"the variants cannot be read ({error!r}); end them and start again.") from error
    return variants
