"""Codec of who is shown an article."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.cache.article_numbers import article_id_of
from serving.cache.buckets import bucket_number
from serving.cache.contract import CacheFormatError
from serving.cache.shown_articles import (
    Shown,
    ShownArticles,
    encode_shown,
    find_shown,
    shown_article_ids,
    shown_bucket_count,
)

shown_of_articles = st.dictionaries(
    st.integers(1, 2**32 - 1).map(article_id_of),
    st.tuples(st.integers(1, 10**7), st.lists(st.text(min_size=1, max_size=8), max_size=3)),
    max_size=300,
)


@given(shown_of_articles)
@settings(deadline=None, max_examples=30)
def test_every_article_gets_back_whom_it_is_shown(articles):
    examples = np.full((len(articles), 3), "", dtype=object)
    for row, (_, own) in enumerate(articles.values()):
        examples[row, : len(own)] = own
    counts = np.array([count for count, _ in articles.values()], np.int64)
    count = shown_bucket_count(len(articles))
    chunks = encode_shown(ShownArticles(np.array(list(articles), dtype=object), counts, examples), count)
    buckets = [value for chunk in chunks for value in chunk.values]
    assert len(buckets) == count
    for article_id, (customers, own) in articles.items():
        bucket = buckets[bucket_number(article_id, count)]
        assert find_shown(bucket, article_id) == Shown(customers, tuple(own))
    assert find_shown(buckets[0], "nothing") is None
    assert shown_article_ids(buckets) == articles.keys()


@pytest.mark.parametrize("bucket", [b"", b"garbage", zlib.compress(b"[]"), zlib.compress(b'{"a": []}')])
def test_damage_is_an_error(bucket):
    with pytest.raises(CacheFormatError, match="publish again"):
        find_shown(bucket, "a")
    with pytest.raises(CacheFormatError, match="publish again"):
        shown_article_ids([bucket])
