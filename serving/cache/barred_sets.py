"""Many articles that are barred for one reason, such as all that a stock feed calls sold out.

Stage: codec of `contract`. In: article ids. Out: a line of JSON and four bytes for each article; back as ids. A hundred
thousand articles take 400 kB and one field of a hash, so that a feed replaces all of them at once.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.cache.article_numbers import article_ids_of, article_numbers
from serving.cache.contract import CacheFormatError

NUMBERS = np.dtype("<u4")
LIST_PREFIX = "list-"  # of the names of sets that a person made; all others are names of feeds


@dataclass(frozen=True)
class BarredSet:
    """Articles that are barred together.

    Attributes:
        rule: `denied` or `out_of_stock`.
        note: the reason that was given.
        since: when the set was made or replaced, UTC, ISO 8601.
        article_ids: ascending, each once.
    """

    rule: str
    note: str
    since: str
    article_ids: Sequence[str]


def encode_barred_set(barred: BarredSet) -> bytes:
    """Return the value that Redis holds.

    Raises:
        ValueError: an id is no article id.
    """
    head = {"rule": barred.rule, "note": barred.note, "since": barred.since, "articles": len(barred.article_ids)}
    numbers = np.unique(article_numbers(barred.article_ids).astype(NUMBERS))
    return json.dumps(head).encode() + b"\n" + numbers.tobytes()


def decode_barred_set(value: bytes) -> BarredSet:
    """Return the set that `encode_barred_set` wrote.

    Raises:
        CacheFormatError: the value is damaged.
    """
    head, _, numbers = value.partition(b"\n")
    try:
        about = json.loads(head)
        found = article_ids_of(np.frombuffer(numbers, NUMBERS).tolist())
        if len(found) != about["articles"]:
            raise ValueError(f"{len(found)} of {about['articles']} articles are there")
        return BarredSet(str(about["rule"]), str(about["note"]), str(about["since"]), found)
    except (ValueError, KeyError, TypeError) as error:
        raise CacheFormatError(f"a set of barred articles cannot be read ({error!r}); send it again.") from error
