"""Two groups of customers who buy their own group's articles, each with one article withheld: the right answer."""

from datetime import date

import numpy as np
import pyarrow as pa

from recommender.features.catalogue import Catalogue
from recommender.features.interactions import Interactions

TODAY = date(2020, 9, 16)
GROUPS, ARTICLES_PER_GROUP, COPIES = 2, 6, 4
"""Every article is withheld from `COPIES` customers of its group."""
N_ARTICLES = GROUPS * ARTICLES_PER_GROUP


def interactions(rows: list[tuple[str, int, date]], n_articles: int, customer_ids=None) -> Interactions:
    """Make purchases of (customer id, catalogue position, day); customers are those who bought, unless given."""
    rows = sorted(rows, key=lambda row: row[2])
    article_ids = np.array(ids_of(n_articles), dtype=object)
    customer_ids = sorted({customer for customer, _, _ in rows}) if customer_ids is None else customer_ids
    code_of = {customer: code for code, customer in enumerate(customer_ids)}
    mart = pa.table(
        {
            "customer_code": pa.array([code_of[customer] for customer, _, _ in rows], pa.int32()),
            "article_id": pa.array([article_ids[article] for _, article, _ in rows], pa.string()),
            "purchase_day": pa.array([day for _, _, day in rows], pa.date32()),
        }
    )
    return Interactions.of(mart, np.array(customer_ids, dtype=object), Catalogue(article_ids))


def ids_of(n_articles: int) -> list[str]:
    """Article ids in ascending order; an article's position is its number."""
    return [f"{article:010d}" for article in range(n_articles)]


def two_groups() -> tuple[list[tuple[str, int, date]], dict[str, int]]:
    """Return the purchases, all of one day, and the article withheld from each customer."""
    purchases, withheld = [], {}
    for article in range(N_ARTICLES):
        group = article // ARTICLES_PER_GROUP * ARTICLES_PER_GROUP
        for copy in range(COPIES):
            customer = f"c{article:02d}-{copy}"
            withheld[customer] = article
            others = set(range(group, group + ARTICLES_PER_GROUP)) - {article}
            purchases += [(customer, other, date(2020, 9, 1)) for other in sorted(others)]
    return purchases, withheld


def best_not_owned(model, purchases: Interactions) -> np.ndarray:
    """Return the (n_customers,) article that a model scores highest among those the customer does not own."""
    scores = model.score(np.arange(len(purchases.customer_ids)), np.arange(purchases.n_articles))
    scores[purchases.customers, purchases.articles] = -np.inf
    return scores.argmax(axis=1)
