"""Fit what one week needs, and make every recommender's lists of it: the work of a benchmark's jobs.

In: the marts, one day, one seed. Out: per job a folder with the day's two-tower and `RankingWeek`, or with
`lists.parquet` and `retrieved.npz`. Nothing that is fitted here sees the day or what comes after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.plan import DEPTH
from benchmarks.weekly_ablations import ablations
from recommender.columns import Columns
from recommender.config import Candidate, FilterSettings, StageSettings
from recommender.features.catalogue import Catalogue
from recommender.features.marts import Marts
from recommender.model_names import SERVED, TWO_TOWER
from recommender.models.baseline_shop import BaselineShop
from recommender.models.baselines import BASELINES, segment_popular
from recommender.models.collaborative_baselines import COLLABORATIVE_BASELINES, SEEDED, run_baselines
from recommender.models.ranked_lists import RankedLists
from recommender.stages.filter import filter_articles
from recommender.stages.fitted_day import FittedDay
from recommender.stages.four_stages import best_of_generator, recommend
from recommender.stages.rank import fit_on_weeks
from recommender.stages.ranking_week import RankingWeek
from recommender.weeks.weekly_models import WeeklyModel, collect_candidates, fit_two_tower, weeks_of

CANDIDATE_SET = "candidate set"
LISTS, RETRIEVED = "lists.parquet", "retrieved.npz"
SEED = "seed"
LISTS_SCHEMA = pa.schema(
    [
        (Columns.AS_OF_DAY, pa.date32()),
        (Columns.MODEL, pa.string()),
        (SEED, pa.int32()),
        (Columns.CUSTOMER_ID, pa.string()),
        (Columns.ARTICLE_ID, pa.string()),
        (Columns.RANK, pa.int32()),
        (Columns.SCORE, pa.float32()),
    ]
)


@dataclass(frozen=True)
class TestWeekOfSeed:
    """A test week with one seed.

    Attributes:
        seed: of the ranker; the two-towers were fitted with it.
        fitted: the two-tower fitted on what lies before the week.
        ranking: two-towers that scored the ranking weeks.
        has_ablations: whether stages are switched off in turn; the day's `RankingWeek` has all customers then.
    """

    seed: int
    fitted: WeeklyModel
    ranking: Sequence[WeeklyModel]
    has_ablations: bool

    __test__ = False  # the field's name for it, not a test of pytest's


def fit_week(
    folder: Path,
    candidate: Candidate,
    day: date,
    training_days: Sequence[date],
    marts: Marts,
    on_sale_days: int,
    stages: StageSettings,
    most_customers: Mapping[date, int | None],
) -> None:
    """Fit a two-tower on what lies before a day, all its epochs, and collect the candidates of the weeks it scores.

    `most_customers` has those weeks, by their first day. Of the encoded inputs only the day's own stay: the training
    weeks' are large.
    """
    weekly = fit_two_tower(
        candidate,
        candidate.settings["epochs"],
        marts,
        day,
        training_days,
        on_sale_days,
        folder,
        scored_days=list(most_customers),
        report=_keep_quiet,
    )
    for week, most in most_customers.items():
        collect_candidates(weekly, stages, most, candidate.seed, week)
    weekly.keep_inputs_of([day])


def recommend_week(folder: Path, week: TestWeekOfSeed, stages: StageSettings) -> None:
    """Fit the ranker on the ranking weeks and write what the customers of the test week are served.

    The two-tower alone gives customers without history their segment's list, as the served lists of a two-tower do.
    """
    weekly, ranking = week.fitted, weeks_of(week.ranking)
    fitted, truth = weekly.fit_for_buyers(stages)
    article_ids = weekly.inputs().catalogue.article_ids
    choice = fit_on_weeks(ranking, stages.rankers, week.seed, _keep_quiet)
    lists = {
        SERVED: recommend(fitted, choice.ranker, stages.order, DEPTH),
        TWO_TOWER: _two_tower_lists(fitted, weekly.marts, article_ids),
    }
    if week.has_ablations:
        collected = weekly.week()
        lists |= ablations(choice, ranking, collected, fitted.day.attribute_codes, stages.order, DEPTH)
        np.savez(folder / RETRIEVED, **_retrieved(collected, truth.sizes()))
    _write_lists(folder, weekly.as_of_day, week.seed, lists, fitted.day.customer_ids, article_ids)


def recommend_by_baselines(folder: Path, day: date, seed: int, marts: Marts, stages: StageSettings, which: str) -> None:
    """Write the baselines' lists for the customers of a test week.

    Args:
        folder: where `lists.parquet` goes.
        day: first day of the week.
        seed: of those that start from random factors.
        marts: of the benchmark.
        stages: its filters say which articles may be recommended, as they do for the served lists.
        which: "all", "seeded" or, for a shop too large for the others, "simple".
    """
    catalogue = marts.catalogue()
    customer_ids = marts.customer_ids()[customers_of_week(marts, day)]
    candidates = candidates_of(marts, day, catalogue, stages.filters)
    shop = BaselineShop.read(marts, day, catalogue.article_ids)
    if which == "all":
        lists = run_baselines(shop, customer_ids, candidates, DEPTH, seed)
    elif which == "seeded":
        lists = {
            name: COLLABORATIVE_BASELINES[name](shop, customer_ids, candidates, DEPTH, seed=seed) for name in SEEDED
        }
    else:
        lists = {name: rank(shop, customer_ids, candidates, DEPTH) for name, rank in BASELINES.items()}
    _write_lists(folder, day, seed, lists, customer_ids, catalogue.article_ids)


def customers_of_week(marts: Marts, day: date) -> np.ndarray:
    """Return the (n,) rows, among everybody, of those who bought something in the week from a day, ascending."""
    return np.unique(marts.bought_in_week(day)[Columns.CUSTOMER_CODE].to_numpy())


def candidates_of(marts: Marts, day: date, catalogue: Catalogue, filters: FilterSettings) -> np.ndarray:
    """Return the (m,) positions of the articles that the rules let through on a day, ascending."""
    return filter_articles(marts.article_features(day), catalogue, filters).candidates


def _two_tower_lists(fitted: FittedDay, marts: Marts, article_ids: np.ndarray) -> RankedLists:
    own = best_of_generator(fitted, TWO_TOWER, DEPTH)
    shop = BaselineShop.read(marts, fitted.day.as_of_day, article_ids, fitted.day.purchases)
    segment = segment_popular(shop, fitted.day.customer_ids, fitted.day.candidates, DEPTH)
    is_known = fitted.day.has_history()[:, None]
    return RankedLists(*(np.where(is_known, mine, theirs) for mine, theirs in zip(own, segment, strict=True)))


def _retrieved(week: RankingWeek, n_bought: np.ndarray) -> dict[str, np.ndarray]:
    """Return by generator, and for all together, the (n,) share of what each customer bought that it proposes."""
    owners = np.repeat(np.arange(len(n_bought)), np.diff(week.offsets))
    proposed_by = {**week.proposed_by, CANDIDATE_SET: np.ones(len(owners), dtype=bool)}
    return {
        name: np.bincount(owners[marks & week.is_bought], minlength=len(n_bought)) / n_bought
        for name, marks in proposed_by.items()
    }


def _write_lists(
    folder: Path,
    day: date,
    seed: int,
    lists: Mapping[str, RankedLists],
    customer_ids: np.ndarray,
    article_ids: np.ndarray,
) -> None:
    """Write one row per (model, customer, rank), rank from 1; a list's empty places make no row."""
    customers, articles = pa.array(customer_ids, pa.string()), pa.array(article_ids, pa.string())
    with pq.ParquetWriter(folder / LISTS, LISTS_SCHEMA, compression="zstd") as writer:
        for model, (positions, scores) in lists.items():
            rows, ranks = np.nonzero(positions >= 0)
            columns = [
                pa.repeat(pa.scalar(day, pa.date32()), len(rows)),
                pa.repeat(model, len(rows)),
                pa.repeat(pa.scalar(seed, pa.int32()), len(rows)),
                customers.take(pa.array(rows)),
                articles.take(pa.array(positions[rows, ranks])),
                pa.array((ranks + 1).astype(np.int32)),
                pa.array(scores[rows, ranks].astype(np.float32)),
            ]
            writer.write_table(pa.table(columns, schema=LISTS_SCHEMA))


def _keep_quiet(_: object) -> None:
    """Drop a report that is not needed: jobs run side by side, and each has one line of its own."""
