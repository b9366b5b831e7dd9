"""What a version holds besides everybody's lists: similar articles, segments' lists, last purchases, who is shown what.

In: the marts, tonight's two-tower and lists. Out: arrays in the cache's own terms.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from recommender.columns import Columns
from recommender.features.catalogue import Catalogue
from recommender.features.customer_rows import places_of
from recommender.features.interactions import day_number
from recommender.features.marts import Marts
from recommender.models.baseline_shop import BaselineShop
from recommender.models.baselines import segment_lists
from recommender.models.model_files import load_model
from recommender.models.ranked_lists import RankedLists
from recommender.models.similar_articles import similar_articles
from recommender.ranking_metrics import find_hits
from recommender.release.published_lists import NamedLists, numbers_at
from recommender.stages.shop_day import ShopDay
from recommender.weeks.weekly_models import WeeklyModel
from serving.cache.article_facts import ArticleFacts
from serving.cache.list_buckets import ListArrays, Proposer, Source
from serving.cache.purchase_buckets import PurchaseArrays
from serving.cache.shown_articles import ShownArticles

SIMILAR = 12  # as many as a page shows in a row
EXAMPLES = 3  # customers of each article, by name; they take more room than anything else known of an article
UNKNOWN = "unknown"  # what the marts write where the files say nothing


def cached_lists(lists: RankedLists, sources: np.ndarray, catalogue: Catalogue, proposers: np.ndarray | None = None):
    """Return lists of catalogue positions as `ListArrays`; `sources` (n,), `proposers` (n, k), 0 by default."""
    numbers = numbers_at(lists.positions, catalogue.article_ids)
    proposers = np.zeros(numbers.shape, np.uint8) if proposers is None else proposers
    return ListArrays(numbers, np.nan_to_num(lists.scores), sources.astype(np.uint8), proposers)


def mark_own(proposers: np.ndarray, positions: np.ndarray, history: sparse.csr_matrix) -> np.ndarray:
    """Return proposers (n, k) with the bit of `Proposer.OWN` for every article that its customer bought before.

    Whoever proposed it: a generator that proposes a customer's own articles may leave some out, and a baseline's lists
    have no proposers at all.

    Args:
        proposers: (n, k) uint8.
        positions: (n, k) of the lists.
        history: (n, n_articles), not zero where a customer bought an article.
    """
    is_own = find_hits(positions, history.indices, history.indptr)
    return proposers | np.where(is_own, np.uint8(Proposer.OWN), np.uint8(0))


def similar_to_each(two_tower: WeeklyModel, day: ShopDay, catalogue: Catalogue, k: int = SIMILAR) -> NamedLists:
    """Return the k articles on sale that are most like each article ever sold, by the candidate tower."""
    candidates = two_tower.inputs().candidates[day.as_of_day]
    codes = day.attribute_codes[:, Columns.ARTICLE_ATTRIBUTES.index(Columns.PRODUCT_CODE)]
    lists = similar_articles(load_model(two_tower.folder), candidates, day.candidates, codes, k)
    names = catalogue.article_ids[candidates.positions.numpy()]
    return NamedLists(names, cached_lists(lists, np.full(len(names), Source.SIMILAR), catalogue))


def popular_in_segments(shop: BaselineShop, articles: np.ndarray, k: int, catalogue: Catalogue) -> NamedLists:
    """Return what each segment bought most last week, filled with what everybody did; names as in `25-34/online`."""
    names, lists = segment_lists(shop, articles, k)
    return NamedLists(
        [name.replace(" / ", "/") for name in names],
        cached_lists(lists, np.full(len(names), Source.SEGMENT), catalogue),
    )


def last_purchases(
    marts: Marts, as_of_day: date, customer_rows: np.ndarray, most: int, catalogue: Catalogue
) -> PurchaseArrays:
    """Return the newest distinct articles that customers bought before a day, and when they last did.

    `customer_rows` (n,) int are rows of `Marts.customer_ids`.

    Raises:
        MartMissing: when a customer has no features on the day.
    """
    shape, columns = (len(customer_rows), most), [Columns.HISTORY_ARTICLE_IDS, Columns.HISTORY_DAYS_SINCE]
    bought = PurchaseArrays(np.zeros(shape, np.uint32), np.zeros(shape, np.uint16))
    for customers in marts.customer_blocks(as_of_day, columns, customer_rows):
        article_ids, days_since = (pc.list_slice(customers[name].combine_chunks(), 0, most) for name in columns)
        row, rank = np.nonzero(np.arange(most) < pc.list_value_length(article_ids).to_numpy()[:, None])
        places = places_of(customers[Columns.CUSTOMER_CODE].to_numpy(), customer_rows)[row], rank
        positions = catalogue.positions_of(article_ids.flatten())
        bought.numbers[places] = numbers_at(positions, catalogue.article_ids)
        bought.days[places] = day_number(as_of_day) - days_since.flatten().to_numpy()
    return bought


def shown_to(positions: np.ndarray, customer_ids: np.ndarray, catalogue: Catalogue) -> ShownArticles:
    """Count in how many lists (n, k) of catalogue positions each article is; name those who have it nearest the top."""
    n_articles = len(catalogue)
    customers = np.bincount(positions[positions >= 0], minlength=n_articles)
    rows = np.full((n_articles, EXAMPLES), -1, np.int64)
    found = np.zeros(n_articles, np.int64)
    for column in positions.T:
        _add_examples(np.append(column, -1), rows, found)
    named = np.append(customer_ids, "")[rows]
    is_shown = customers > 0
    return ShownArticles(catalogue.article_ids[is_shown], customers[is_shown], named[is_shown])


def _add_examples(column: np.ndarray, rows: np.ndarray, found: np.ndarray) -> None:
    """Give articles that lack examples the first customers who have them at one place of their lists."""
    while True:
        lacking = np.flatnonzero((column >= 0) & (found[column] < rows.shape[1]))
        if not len(lacking):
            return
        articles, first = np.unique(column[lacking], return_index=True)
        rows[articles, found[articles]] = lacking[first]
        found[articles] += 1
        column[lacking[first]] = -1


def facts_of(articles: pa.Table, catalogue: Catalogue) -> dict[str, ArticleFacts]:
    """Return what the `articles` mart, one row per position, knows of each article of the catalogue."""
    always = (articles[name].to_pylist() for name in (Columns.PRODUCT_NAME, Columns.PRODUCT_CODE, Columns.DEPARTMENT))
    names = Columns.PRODUCT_TYPE, Columns.COLOUR, Columns.DESCRIPTION
    more = (["" if value == UNKNOWN else value for value in articles[name].to_pylist()] for name in names)
    return dict(zip(catalogue.article_ids.tolist(), map(ArticleFacts, *always, *more), strict=True))
