"""Many articles that are barred for one reason, such as all that a stock feed calls sold out.

Stage: codec of `contract`. In: article numbers. Out: a line of JSON and four bytes for each article; back as numbers. A
hundred thousand articles take 400 kB and one field of a hash, so that a feed replaces all of them at once. They stay an
array wherever they go: lookups wait while a hundred thousand texts are made.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from serving.cache.article_numbers import ARTICLE_ID_LENGTH, MAX_ARTICLE_NUMBER
from serving.cache.contract import CacheFormatError

NUMBERS = np.dtype("<u4")
LIST_PREFIX = "list-"  # of the names of sets that a person made; all others are names of feeds
_PLACES = 10 ** np.arange(ARTICLE_ID_LENGTH - 1, -1, -1, dtype=np.int64)


@dataclass(frozen=True)
class BarredSet:
    """Articles that are barred together.

    Attributes:
        rule: `denied` or `out_of_stock`.
        note: the reason that was given.
        since: when the set was made or replaced, UTC, ISO 8601.
        numbers: uint32 (n_articles,), ascending, each once.
    """

    rule: str
    note: str
    since: str
    numbers: np.ndarray


def unique_numbers(article_ids: Collection[str]) -> np.ndarray | None:
    """Return ids as numbers, uint32 ascending, each once; None unless all are ten digits from 0000000001 on."""
    try:
        digits = "".join(article_ids)
    except TypeError:
        return None
    if not (digits.isascii() and digits.isdigit() and set(map(len, article_ids)) == {ARTICLE_ID_LENGTH}):
        return None
    places = np.frombuffer(digits.encode(), np.uint8).reshape(-1, ARTICLE_ID_LENGTH) - ord("0")
    numbers = np.unique(places @ _PLACES)
    return numbers.astype(NUMBERS) if numbers[0] > 0 and numbers[-1] <= MAX_ARTICLE_NUMBER else None


def encode_barred_set(barred: BarredSet) -> bytes:
    """Return the value that Redis holds."""
    head = {"rule": barred.rule, "note": barred.note, "since": barred.since, "articles": len(barred.numbers)}
    return json.dumps(head).encode() + b"\n" + barred.numbers.astype(NUMBERS).tobytes()


def decode_barred_set(value: bytes) -> BarredSet:
    """Return the set that `encode_barred_set` wrote.

    Raises:
        CacheFormatError: the value is damaged.
    """
    head, _, packed = value.partition(b"\n")
    try:
        about = json.loads(head)
        numbers = np.frombuffer(packed, NUMBERS)
        if len(numbers) != about["articles"]:
            raise ValueError(f"{len(numbers)} of {about['articles']} articles are there")
        return BarredSet(str(about["rule"]), str(about["note"]), str(about["since"]), numbers)
    except (ValueError, KeyError, TypeError) as error:
        raise CacheFormatError(f"a set of barred articles cannot be read ({error!r}); send it again.") from error
