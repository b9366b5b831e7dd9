"""Lists in, numbers out: every model's metrics per customer and week, pooled over the test weeks.

In: `lists.parquet` and the marts. Out: `ModelScores` by model and seed. The truth of a week is read here and nowhere
before. A row is a customer of a week; rows of all weeks stand one after the other, the same for every model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.plan import DEPTH, K, Plan
from benchmarks.weekly_lists import SEED, candidates_of, customers_of_week
from recommender import ranking_metrics
from recommender.columns import Columns
from recommender.evaluation.list_quality import CsrPair
from recommender.evaluation.offline_metrics import accuracy_per_customer, beyond_accuracy_per_customer
from recommender.evaluation.slices import article_age_slices
from recommender.features.catalogue import Catalogue
from recommender.features.interactions import Interactions
from recommender.features.truth import Truth
from recommender.stages.shop_day import attribute_codes

FRESH_RECALL = f"first_week_recall@{K}"


@dataclass(frozen=True)
class WeekTruth:
    """The customers of a test week, what they bought, and what was known before it.

    Attributes:
        day: first day of the week.
        customer_ids: (n,) ascending.
        truth: what each bought in the week.
        owned: CSR pair of what each had bought before.
        purchase_days: (n,) int64 days with a purchase before the week.
        candidates: (m,) positions that could be recommended.
        buyer_shares: (n_articles,) share of earlier customers who had bought each.
        attribute_codes: (n_articles, n_attributes) int.
        is_fresh: (n_articles,) bool, first sold in the week before.
    """

    day: date
    customer_ids: np.ndarray
    truth: Truth
    owned: CsrPair
    purchase_days: np.ndarray
    candidates: np.ndarray
    buyer_shares: np.ndarray
    attribute_codes: np.ndarray
    is_fresh: np.ndarray

    @property
    def has_history(self) -> np.ndarray:
        """(n,) bool, whether a customer had bought anything before the week."""
        return self.purchase_days > 0


@dataclass(frozen=True)
class ModelScores:
    """One model with one seed.

    Attributes:
        per_customer: metric name to (n_rows,) float64, NaN where undefined.
        coverage: mean over weeks of the share of the candidates that stand in a list of a customer with history.
    """

    per_customer: dict[str, np.ndarray]
    coverage: float


def read_week_truths(plan: Plan) -> list[WeekTruth]:
    """Read every test week, oldest first."""
    catalogue = plan.marts.catalogue()
    purchases = plan.marts.interactions(catalogue)
    return [read_week_truth(plan, day, catalogue, purchases) for day in plan.test_days]


def read_week_truth(plan: Plan, day: date, catalogue: Catalogue, purchases: Interactions) -> WeekTruth:
    """Read one test week from the marts; `purchases` are all of them."""
    marts = plan.marts
    rows, earlier = customers_of_week(marts, day), purchases.before(day)
    bought = earlier.matrix(day)
    days_bought = np.unique(np.stack([earlier.customers, earlier.days]), axis=1)[0]
    has_history = np.unique(earlier.customers)
    features = marts.article_features(day)
    ages = np.full(len(catalogue), np.nan)
    ages[catalogue.positions_of(features[Columns.ARTICLE_ID])] = features[Columns.AGE_DAYS].to_numpy()
    return WeekTruth(
        day=day,
        customer_ids=earlier.customer_ids[rows],
        truth=Truth.of(marts.bought_in_week(day), rows, catalogue),
        owned=(bought[rows].indices.astype(np.int32), bought[rows].indptr.astype(np.int64)),
        purchase_days=np.bincount(days_bought, minlength=len(earlier.customer_ids))[rows],
        candidates=candidates_of(marts, day, catalogue, plan.settings.stages.filters),
        buyer_shares=np.asarray((bought > 0).sum(axis=0)).ravel() / len(has_history),
        attribute_codes=attribute_codes(marts.articles_in_order(catalogue)),
        is_fresh=article_age_slices(ages)["first week"],
    )


def score_lists(
    lists_file: Path, weeks: Sequence[WeekTruth], article_ids: np.ndarray
) -> dict[str, dict[int, ModelScores]]:
    """Score every model's lists with every seed it has.

    Args:
        lists_file: as `weekly_lists` writes it.
        weeks: the test weeks, oldest first.
        article_ids: (n_articles,) of the catalogue.

    Returns:
        Scores by model and seed; rows are the weeks' customers, one week after the other.
    """
    parts: dict[str, dict[int, list[tuple[dict[str, np.ndarray], float]]]] = {}
    for week in weeks:
        lists = read_lists(lists_file, week, article_ids)
        expected = next(iter(lists["repurchase"].values()))
        for model, by_seed in lists.items():
            for seed, positions in by_seed.items():
                scores = _score_week(positions, week, expected)
                parts.setdefault(model, {}).setdefault(seed, []).append(scores)
    return {model: {seed: _pooled(each) for seed, each in by_seed.items()} for model, by_seed in parts.items()}


def read_lists(lists_file: Path, week: WeekTruth, article_ids: np.ndarray) -> dict[str, dict[int, np.ndarray]]:
    """Return (n, DEPTH) int32 positions of one week's lists by model and seed, -1 where a list is shorter."""
    rows = pq.read_table(lists_file, filters=[(Columns.AS_OF_DAY, "=", week.day)])
    lists: dict[str, dict[int, np.ndarray]] = {}
    for model in pc.unique(rows[Columns.MODEL]).to_pylist():
        own = rows.filter(pc.field(Columns.MODEL) == model)
        for seed in pc.unique(own[SEED]).to_pylist():
            table = own.filter(pc.field(SEED) == seed)
            customers = _places(table[Columns.CUSTOMER_ID], week.customer_ids)
            positions = np.full((len(week.customer_ids), DEPTH), -1, np.int32)
            ranks = table[Columns.RANK].to_numpy() - 1
            positions[customers, ranks] = _places(table[Columns.ARTICLE_ID], article_ids)
            lists.setdefault(model, {})[seed] = positions
    return lists


def _score_week(lists: np.ndarray, week: WeekTruth, expected: np.ndarray) -> tuple[dict[str, np.ndarray], float]:
    fresh = week.truth.select(week.is_fresh)
    hits = ranking_metrics.find_hits(lists[:, :K], *fresh)
    beyond = beyond_accuracy_per_customer(
        lists, week.truth, week.owned, week.buyer_shares, week.attribute_codes, expected, K
    )
    values = {
        **accuracy_per_customer(lists, *week.truth, K),
        **accuracy_per_customer(lists, *week.truth, DEPTH),
        **beyond,
        FRESH_RECALL: ranking_metrics.recall_at_k(hits, fresh.sizes()),
    }
    return values, ranking_metrics.coverage(lists[week.has_history, :K], len(week.candidates))


def _pooled(weeks: Sequence[tuple[Mapping[str, np.ndarray], float]]) -> ModelScores:
    names = weeks[0][0]
    per_customer = {name: np.concatenate([values[name] for values, _ in weeks]) for name in names}
    return ModelScores(per_customer, float(np.mean([coverage for _, coverage in weeks])))


def _places(values: pa.ChunkedArray, known: np.ndarray) -> np.ndarray:
    return pc.index_in(values, value_set=pa.array(known, pa.string())).to_numpy()
