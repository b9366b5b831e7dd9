"""What the API knows of articles besides their ids: one compressed value for all articles of a version.

Stage: codec of `contract`. In: facts by article id. Out: lines of JSON in zlib, and back. A line holds a thousand
articles, column by column: a reader in its own thread lets others run between two lines. Versions of earlier
releases are one line without product type, colour and description.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from serving.cache.contract import CacheFormatError

ARTICLES_PER_LINE = 1_024


class ArticleFacts(NamedTuple):
    """What the API knows of an article besides its id; what is not known is empty."""

    name: str
    product_code: str
    department: str
    product_type: str = ""
    colour: str = ""
    description: str = ""


NOTHING_KNOWN = ArticleFacts("", "", "")
"""The facts of an article without any."""


def encode_articles(articles: Mapping[str, ArticleFacts]) -> bytes:
    """Return facts of articles by their ids as one compressed value."""
    return zlib.compress("\n".join(_lines(articles)).encode())


def _lines(articles: Mapping[str, ArticleFacts]) -> Iterator[str]:
    left = iter(articles.items())
    while some := dict(islice(left, ARTICLES_PER_LINE)):
        facts = dict(zip(ArticleFacts._fields, zip(*some.values(), strict=True), strict=True))
        yield json.dumps({"article_id": list(some), **facts}, ensure_ascii=False)


def decode_articles(value: bytes) -> dict[str, ArticleFacts]:
    """Return the facts that `encode_articles` wrote; a text that many articles share is kept once.

    Raises:
        CacheFormatError: the value is damaged.
    """
    articles, texts = {}, {}
    try:
        for line in zlib.decompress(value).splitlines():
            columns = json.loads(line)
            ids = columns["article_id"]
            facts = zip(*(_column(columns, name, len(ids)) for name in ArticleFacts._fields), strict=True)
            for article_id, own in zip(ids, facts, strict=True):
                articles[article_id] = ArticleFacts._make(texts.setdefault(text, text) for text in own)
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CacheFormatError(f"the facts of the articles are damaged: {error!r}; publish again.") from error
    return articles


def _column(columns: Mapping[str, list[str]], name: str, size: int) -> list[str]:
    if name not in columns and name in ArticleFacts._field_defaults:
        return [ArticleFacts._field_defaults[name]] * size
    return columns[name]
