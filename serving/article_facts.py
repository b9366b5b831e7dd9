"""What the API knows of articles besides their ids: one compressed value for all articles of a version.

Stage: codec of `cache_contract`. In: facts by article id. Out: JSON in zlib, and back.
"""

import json
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from serving.cache_contract import CacheFormatError


class ArticleFacts(NamedTuple):
    """What the API knows of an article besides its id."""

    name: str
    product_code: str
    department: str


def encode_articles(articles: Mapping[str, ArticleFacts]) -> bytes:
    """What is known of articles, by their ids, as one compressed value."""
    facts = {name: [getattr(each, name) for each in articles.values()] for name in ArticleFacts._fields}
    columns = {"article_id": list(articles), **facts}
    return zlib.compress(json.dumps(columns, ensure_ascii=False).encode())


def decode_articles(value: bytes) -> dict[str, ArticleFacts]:
    """Inverse of `encode_articles`.

    Raises:
        CacheFormatError: the value is damaged.
    """
    try:
        columns = json.loads(zlib.decompress(value))
        facts = zip(*(columns.get(name, []) for name in ArticleFacts._fields), strict=True)
        return dict(zip(columns["article_id"], map(ArticleFacts._make, facts), strict=True))
    except (zlib.error, ValueError, KeyError, AttributeError) as error:
        raise CacheFormatError(f"the articles' facts are damaged: {error!r}; publish again.") from error
