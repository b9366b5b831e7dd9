"""A small shop to look at: 48 articles, 40 customers, two published versions, and ids and names with odd characters.

The first version was published when half of the customers were known; the second is served.
"""

from datetime import date
from hashlib import sha256

import numpy as np
import redis

from recommender.release.publish import PublishedRun, publish
from recommender.release.published_lists import NamedLists, PublishedLists
from serving.cache.article_facts import ArticleFacts
from serving.cache.article_numbers import article_id_of
from serving.cache.list_buckets import ListArrays, Proposer, Source
from serving.cache.purchase_buckets import EPOCH, PurchaseArrays
from serving.cache.shown_articles import ShownArticles

ODD_IDS = ["<script>alert(1)</script>", "a/b?c=d&e#f %20+", "\"'onmouseover='x", " émile 😀", "%2e%2e/"]
KINDS = [
    ("sweater", "Knitwear", "Soft knit with ribbed cuffs and a round neck."),
    ("dress", "Dresses", "Calf-length dress with a tie belt and long sleeves."),
    ("shirt", "Shirts", "Cotton shirt with a turn-down collar and a chest pocket."),
    ("trousers", "Trousers", "Tailored trousers with a high waist and pressed creases."),
    ("scarf", "Accessories", "Woven scarf with fringes along both ends."),
    ("boots", "Shoes", "Ankle boots with a zip and a sturdy sole."),
]
MODELS = ["Luna", "Mika", "Coral", "Stella"]
COLOURS = ["Dark blue", "Black"]
NUMBERS = np.arange(100_000_001, 100_000_049, dtype=np.uint32)
SCRIPT, UNSHOWN = article_id_of(int(NUMBERS[-1])), "0999999999"
SEGMENTS = ["25-34/online", "<b>/store"]
K, LAST_DAY = 16, date(2020, 9, 21)
PROPOSERS = [Proposer.OWN, Proposer.LAST_BASKET, Proposer.TWO_TOWER, Proposer.EASE, Proposer.FRESH, Proposer.RISING]


def customer_ids(count: int) -> list[str]:
    """Such as H&M's, and odd ones last."""
    return [*(sha256(bytes([number])).hexdigest() for number in range(count - len(ODD_IDS))), *ODD_IDS]


def facts() -> dict[str, ArticleFacts]:
    """What is known of the articles; the last has a name that a page must escape, one more is in no list."""
    known = {}
    for place, number in enumerate(NUMBERS.tolist()):
        kind, department, description = KINDS[place % 6]
        model, colour = MODELS[place // 12], COLOURS[place // 6 % 2]
        known[article_id_of(number)] = ArticleFacts(
            f"{model} {kind}", str(number)[:6], department, kind.capitalize(), colour, description
        )
    known[SCRIPT] = known[SCRIPT]._replace(name="<script>alert('name')</script>", description="</p><img src=x>")
    known[UNSHOWN] = ArticleFacts("Vera umbrella", "099999", "Accessories", "Umbrella", "Red", "Opens at a push.")
    return known


def lists(customers: int, seed: int) -> PublishedLists:
    """Everything that a version holds."""
    drawn = np.random.default_rng(seed)
    numbers = np.stack([drawn.permutation(NUMBERS)[:K] for _ in range(customers)])
    proposers = np.array(PROPOSERS, np.uint8)[np.sort(drawn.integers(0, len(PROPOSERS), numbers.shape), axis=1)]
    bought = np.stack([drawn.permutation(NUMBERS)[:6] for _ in range(customers)])
    bought[np.arange(6) >= drawn.integers(2, 7, (customers, 1))] = 0
    last = (LAST_DAY - EPOCH).days
    days = last - np.sort(drawn.integers(0, 300, bought.shape), axis=1)
    ids = customer_ids(customers)
    return PublishedLists(
        customer_ids=np.array(ids),
        lists=_lists(numbers, np.full(customers, Source.PERSONAL), proposers),
        popular=_lists(NUMBERS[np.newaxis, :K], np.array([Source.POPULAR])),
        articles=facts(),
        segments=NamedLists(SEGMENTS, _lists(NUMBERS[[range(9, 25), range(20, 36)]], np.full(2, Source.SEGMENT))),
        similar=NamedLists(
            [article_id_of(number) for number in NUMBERS.tolist()],
            _lists(NUMBERS[(np.arange(48)[:, np.newaxis] + 6 * np.arange(1, 8)) % 48], np.full(48, Source.SIMILAR)),
        ),
        purchases=PurchaseArrays(bought, days.astype(np.uint16)),
        shown=_shown(ids, numbers),
    )


def publish_two(client: redis.Redis) -> list[str]:
    """Publish both versions; returns them, the served one first."""
    versions = [
        publish(client, lists(customers, seed), PublishedRun("demo", f"run-{seed}", "lambdarank", {}), lambda *_: None)
        for seed, customers in ((1, 20), (2, 40))
    ]
    return [each.version for each in reversed(versions)]


def _lists(numbers: np.ndarray, sources: np.ndarray, proposers: np.ndarray | None = None) -> ListArrays:
    scores = np.geomspace(2.4, 0.2, numbers.shape[1], dtype=np.float32)
    if proposers is None:
        proposers = np.zeros(numbers.shape, np.uint8)
    return ListArrays(numbers, np.broadcast_to(scores, numbers.shape), sources.astype(np.uint8), proposers)


def _shown(ids: list[str], numbers: np.ndarray) -> ShownArticles:
    whose = [np.flatnonzero((numbers == number).any(axis=1)) for number in NUMBERS]
    examples = [[ids[row] for row in dict.fromkeys([rows[-1], *rows[:2]])] for rows in whose]
    padded = [[*each, "", ""][:3] for each in examples]
    counts = np.array([len(rows) for rows in whose])
    return ShownArticles(np.array([article_id_of(n) for n in NUMBERS.tolist()]), counts, np.array(padded))
