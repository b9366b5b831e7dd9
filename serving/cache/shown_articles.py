"""To how many customers each article is recommended, and to whom for example.

Stage: codec of `contract`. In: counts and example customers of articles. Out: one value per bucket of articles,
JSON in zlib: `{"0706016001": [1234, ["customer", ...]], ...}`; back: count and examples of one article.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from serving.cache.buckets import BucketChunk, customer_fingerprints, row_chunks
from serving.cache.contract import CacheFormatError

ARTICLES_PER_BUCKET = 128


class ShownArticles(NamedTuple):
    """Articles of the lists of a version.

    Attributes:
        article_ids: text (n,), each once.
        customers: int64 (n,), in how many lists an article is.
        examples: text (n, e), ids of some of these customers, empty where there are fewer.
    """

    article_ids: np.ndarray
    customers: np.ndarray
    examples: np.ndarray


class Shown(NamedTuple):
    """To how many customers an article is recommended, and some of them."""

    customers: int
    examples: tuple[str, ...]


def shown_bucket_count(articles: int) -> int:
    """Number of buckets for a number of articles, at least 1."""
    return max(1, -(-articles // ARTICLES_PER_BUCKET))


def encode_shown(shown: ShownArticles, bucket_count: int) -> Iterator[BucketChunk]:
    """Pack articles into buckets by the fingerprints of their ids."""
    for first, rows, starts in row_chunks(customer_fingerprints(shown.article_ids), bucket_count):
        bounds = zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
        yield BucketChunk(first, [_bucket(shown, rows[start:end].tolist()) for start, end in bounds], len(rows))


def _bucket(shown: ShownArticles, rows: Sequence[int]) -> bytes:
    entries = {
        str(shown.article_ids[row]): [int(shown.customers[row]), [str(each) for each in shown.examples[row] if each]]
        for row in rows
    }
    return zlib.compress(json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode())


def find_shown(bucket: bytes, article_id: str) -> Shown | None:
    """Return who is shown an article, from the bucket that `bucket_number` names; None if the article is in no list.

    Raises:
        CacheFormatError: the bucket is damaged.
    """
    return _all_of(bucket).get(article_id)


def shown_article_ids(buckets: Iterable[bytes]) -> frozenset[str]:
    """Return the articles of some buckets.

    Raises:
        CacheFormatError: a bucket is damaged.
    """
    return frozenset(article_id for bucket in buckets for article_id in _all_of(bucket))


def _all_of(bucket: bytes) -> dict[str, Shown]:
    try:
        entries = json.loads(zlib.decompress(bucket)).items()
        return {article_id: Shown(customers, tuple(examples)) for article_id, (customers, examples) in entries}
    except (zlib.error, ValueError, TypeError, AttributeError) as error:
        raise CacheFormatError(f"a bucket of shown articles is damaged: {error!r}; publish again.") from error
