"""Stage two of four, filter: which articles may be recommended on a day, and which rule bars the others.

In: the day's `article_features` and the deny list. Out: the articles that passed, and by article the rule that
barred it. Rules hold for everybody, so they are applied before anything is scored: what is barred costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from recommender.columns import Columns
from recommender.config import FilterSettings
from recommender.errors import NotEnoughData
from recommender.features.catalogue import Catalogue

NEVER_SOLD, OFF_SALE, OUT_OF_SEASON, DENIED = "never_sold", "off_sale", "out_of_season", "denied"
YEAR_DAYS = 364


@dataclass(frozen=True)
class Filtered:
    """Attributes:
    candidates: (m,) int64 catalogue positions that passed every rule, ascending.
    barred_by: (n_articles,) array of str, the first rule that barred each article, empty for one that passed.
    """

    candidates: np.ndarray
    barred_by: np.ndarray

    def counts(self) -> dict[str, int]:
        """Return how many articles each rule barred."""
        rules, counts = np.unique(self.barred_by[self.barred_by != ""], return_counts=True)
        return dict(zip(rules.tolist(), counts.tolist(), strict=True))


def filter_articles(features: pa.Table, catalogue: Catalogue, settings: FilterSettings) -> Filtered:
    """Apply every rule to the catalogue as it looked on a day.

    Args:
        features: the `article_features` mart of the day; an article without a row never sold.
        catalogue: owner of positions.
        settings: the rules; a denied id that the catalogue does not have bars nothing.

    Raises:
        NotEnoughData: when nothing is left to recommend.
    """
    positions = catalogue.positions_of(features[Columns.ARTICLE_ID])
    barred_by = np.full(len(catalogue), NEVER_SOLD, dtype=object)
    barred_by[positions] = ""
    for rule, is_barred in _rules(features, settings).items():
        first = is_barred & (barred_by[positions] == "")
        barred_by[positions[first]] = rule
    denied = np.isin(catalogue.article_ids, np.asarray(settings.denied_articles, dtype=object))
    barred_by[denied & (barred_by == "")] = DENIED
    candidates = np.flatnonzero(barred_by == "")
    if not len(candidates):
        day = features[Columns.AS_OF_DAY][0].as_py()
        raise NotEnoughData(f"no article may be recommended on {day}; the rules barred {len(positions)} of those sold")
    return Filtered(candidates, barred_by)


def _rules(features: pa.Table, settings: FilterSettings) -> dict[str, np.ndarray]:
    """Return each rule's (n,) bool of what it bars."""
    rules = {OFF_SALE: features[Columns.DAYS_SINCE_LAST_SALE].to_numpy() > settings.on_sale_days}
    if settings.is_season_checked:
        is_known_for_a_year = features[Columns.AGE_DAYS].to_numpy() > YEAR_DAYS
        has_sold = (features[Columns.SALES_4W].to_numpy() > 0) | (features[Columns.SEASON_SALES].to_numpy() > 0)
        rules[OUT_OF_SEASON] = is_known_for_a_year & ~has_sold
    return rules
