"""Lists as large as H&M's, made in seconds: what Redis needs for them can be measured without the data.

In: how many customers, how long their lists are, how many purchases go with them. Out: `PublishedLists` of random
articles. Every customer has as many purchases as can be kept, which no shop's customers have.
"""

from __future__ import annotations

import numpy as np

from recommender.release.published_lists import NamedLists, PublishedLists
from serving.cache.article_facts import ArticleFacts
from serving.cache.article_numbers import article_id_of
from serving.cache.list_buckets import ListArrays, Source
from serving.cache.purchase_buckets import PurchaseArrays
from serving.cache.shown_articles import ShownArticles

CATALOGUE = 105_542  # H&M's
FIRST_ARTICLE = 108_775_015
SIMILAR, EXAMPLES = 12, 3
ON_SALE = 25_000  # articles that stand in lists, in a week of H&M's
FIRST_DAY, LAST_DAY = 17_794, 18_527  # 2018-09-20 to 2020-09-22
WORDS = 2_000


def planted_lists(customers: int, k: int, purchases: int) -> PublishedLists:
    """Return random lists of a catalogue of H&M's size for customers with ids as long as H&M's."""
    rng = np.random.default_rng(7)
    catalogue = np.arange(FIRST_ARTICLE, FIRST_ARTICLE + CATALOGUE, dtype=np.uint32)
    ids = [article_id_of(number) for number in catalogue.tolist()]
    lists = _lists(rng, customers, k, Source.PERSONAL)
    bought = rng.choice(catalogue, (customers, purchases))
    return PublishedLists(
        customer_ids=np.array([f"{row:064x}" for row in range(customers)]),
        lists=lists,
        popular=ListArrays(*(each[:1] for each in lists)),
        articles=dict(zip(ids, _facts(rng), strict=True)),
        similar=NamedLists(ids, _lists(rng, CATALOGUE, SIMILAR, Source.SIMILAR)),
        purchases=PurchaseArrays(bought, rng.integers(FIRST_DAY, LAST_DAY + 1, bought.shape, dtype=np.uint16)),
        shown=ShownArticles(
            np.array(ids[:ON_SALE]),
            rng.integers(1, customers, ON_SALE),
            np.array([[rng.bytes(32).hex() for _ in range(EXAMPLES)] for _ in range(ON_SALE)]),
        ),
    )


def _lists(rng: np.random.Generator, n: int, k: int, source: Source) -> ListArrays:
    return ListArrays(
        rng.integers(FIRST_ARTICLE, FIRST_ARTICLE + CATALOGUE, (n, k), dtype=np.uint32),
        -np.sort(-rng.normal(size=(n, k)).astype(np.float32), axis=1),
        np.full(n, source, np.uint8),
        rng.integers(1, 256, (n, k), dtype=np.uint8),
    )


def _facts(rng: np.random.Generator) -> list[ArticleFacts]:
    """Facts about as long as H&M's: two articles share a product, whose description has 140 characters."""
    words = np.array(["".join(letters) for letters in rng.choice(list("abcdefghijklmnoprstuw"), (WORDS, 6))])
    n_products = CATALOGUE // 2 + 1
    common_words_first = (WORDS * rng.random((n_products, 20)) ** 2).astype(int)
    descriptions = [" ".join(row) for row in words[common_words_first]]
    names = [" ".join(row) for row in words[rng.integers(0, WORDS, (n_products, 2))]]
    products = (np.arange(CATALOGUE) // 2).tolist()
    kinds = (words[np.arange(CATALOGUE) % count].tolist() for count in (250, 130, 50))
    codes = [f"{FIRST_ARTICLE + product:07d}" for product in products]
    return [
        ArticleFacts(names[product], code, *kind, descriptions[product])
        for product, code, kind in zip(products, codes, zip(*kinds, strict=True), strict=True)
    ]
