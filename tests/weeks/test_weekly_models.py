"""One week's own models are blind for the week: what is bought in it changes no score of it."""

import csv
import shutil
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from planted_snapshots import truth_of
from small_shop import ON_SALE_DAYS, SEGMENT_COLUMNS, SMALL_TWO_TOWER, TRAINING_WEEKS

from recommender.config import Candidate, FilterSettings, OrderSettings, StageSettings
from recommender.features.mart_files import MartMissing
from recommender.features.marts import Marts
from recommender.features.warehouse import build_marts
from recommender.stages.candidate_sets import CandidateSet, candidate_sets
from recommender.stages.fitted_day import FittedDay, fit_day
from recommender.stages.rank import fit_on_weeks
from recommender.stages.ranking_week import RankingWeek, ranking_week
from recommender.stages.retrieve import GENERATORS
from recommender.stages.shop_day import read_shop_day
from recommender.weeks.weekly_models import WeeklyModel, collect_candidates, fit_two_tower, weeks_of

WEEK = timedelta(days=7)
CUTOFF = date(2020, 9, 23)  # the day after the small shop's last
TEST_DAY, RANKING_DAY = CUTOFF - WEEK, CUTOFF - 2 * WEEK
TRAINING_DAYS = (CUTOFF - 4 * WEEK, CUTOFF - 3 * WEEK)
CANDIDATE = Candidate("tiny", 7, {**SMALL_TWO_TOWER, "epochs": 2})
STAGES = StageSettings(
    sizes=dict.fromkeys(GENERATORS, 12),
    filters=FilterSettings(ON_SALE_DAYS, is_season_checked=True),
    rankers={"lambdarank": {"n_trees": 20, "min_rows_in_leaf": 20}},
    order=OrderSettings(depth=24, diversity=0.1, caps={"product_code": 2}),
)


@dataclass(frozen=True)
class Shop:
    """A shop with a model for the ranking week and one for the test week, which also scores the day after it."""

    marts: Marts
    ranking: WeeklyModel
    test: WeeklyModel

    def fitted(self, customer_ids: np.ndarray, as_of_day: date) -> FittedDay:
        """Fit the generators on a day for some customers, with the test week's two-tower."""
        everybody = self.marts.customer_ids()[self.test.inputs().queries[as_of_day].customers]
        return self.test.fit_day(STAGES, as_of_day, np.flatnonzero(np.isin(everybody, customer_ids)))

    def candidates_of(self, customer_ids: np.ndarray, as_of_day: date) -> tuple[list[tuple[str, str]], CandidateSet]:
        """Return some customers' candidates, and who and what they are: positions may move with the catalogue."""
        day = self.fitted(customer_ids, as_of_day)
        (chunk,) = candidate_sets(day.day, day.generators, day.sizes)
        articles = self.marts.catalogue().article_ids[day.day.candidates[chunk.columns]]
        return list(zip(day.day.customer_ids[chunk.owners], articles, strict=True)), chunk


def read_purchases(raw_dir: Path) -> list[dict]:
    """Read the raw transactions."""
    with (raw_dir / "transactions_train.csv").open() as file:
        return list(csv.DictReader(file))


def plant_purchases(raw_dir: Path, into: Path) -> Path:
    """Copy a shop and let ten buyers of the test week and ten others buy old and never sold articles in it."""
    shutil.copytree(raw_dir, into)
    purchases = read_purchases(raw_dir)
    with (raw_dir / "articles.csv").open() as file:
        never_sold = sorted(
            {row["article_id"] for row in csv.DictReader(file)} - {row["article_id"] for row in purchases}
        )
    in_week = sorted({row["customer_id"] for row in purchases if row["t_dat"] >= TEST_DAY.isoformat()})
    others = sorted({row["customer_id"] for row in purchases} - set(in_week))
    sold = sorted({row["article_id"] for row in purchases if row["t_dat"] < TEST_DAY.isoformat()})
    planted = [
        (day.isoformat(), customer, article, "0.05", "2")
        for day in (TEST_DAY, TEST_DAY + timedelta(days=3))
        for customer in (*in_week[:10], *others[:10])
        for article in (never_sold[0], never_sold[-1], sold[0], sold[-1])
    ]
    with (into / "transactions_train.csv").open("a", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(planted)
    return into


def build(raw_dir: Path, folder: Path) -> Marts:
    """Build the marts of a shop as those of the small shop are built."""
    return build_marts(
        raw_dir,
        folder / "warehouse.duckdb",
        folder / "marts",
        cutoff=CUTOFF,
        training_weeks=TRAINING_WEEKS,
        history_length=20,
        segment_columns=SEGMENT_COLUMNS,
        ranking_weeks=2,
    ).marts


def fit(marts: Marts, folder: Path) -> Shop:
    """Fit the ranking week's models and the test week's."""
    arguments = {"marts": marts, "on_sale_days": ON_SALE_DAYS, "report": lambda epoch: None}
    ranking = fit_two_tower(
        CANDIDATE, 2, as_of_day=RANKING_DAY, training_days=TRAINING_DAYS, folder=folder / "ranking", **arguments
    )
    test = fit_two_tower(
        CANDIDATE,
        2,
        as_of_day=TEST_DAY,
        training_days=(*TRAINING_DAYS, RANKING_DAY),
        folder=folder / "test",
        scored_days=[CUTOFF],
        **arguments,
    )
    collect_candidates(ranking, STAGES)
    return Shop(marts, ranking, test)


@pytest.fixture(scope="module")
def shops(demo_raw_dir, demo_marts, tmp_path_factory) -> tuple[Shop, Shop]:
    """The small shop, and the same with purchases planted in its test week."""
    root = tmp_path_factory.mktemp("weekly")
    planted_marts = build(plant_purchases(demo_raw_dir, root / "raw"), root)
    return fit(demo_marts, root / "shop"), fit(planted_marts, root / "planted")


@pytest.fixture(scope="module")
def buyer_ids(shops) -> np.ndarray:
    """Who bought something in the test week before anything was planted."""
    inputs = shops[0].test.inputs()
    buyers = inputs.queries[TEST_DAY].customers[inputs.truths[TEST_DAY].buyers()]
    return shops[0].marts.customer_ids()[buyers]


def ranker_of(shop: Shop):
    """Fit the ranker on the ranking week."""
    return fit_on_weeks([shop.ranking.week()], STAGES.rankers, seed=1).ranker


def test_the_planted_purchases_are_in_the_week(shops):
    """Two articles are new to the catalogue and move the positions of the others; ten customers are new buyers."""
    shop, planted = shops
    assert len(planted.marts.catalogue()) == len(shop.marts.catalogue()) + 2
    bought = [each.test.inputs().truths[TEST_DAY].buyers() for each in shops]
    assert len(bought[1]) == len(bought[0]) + 10


def test_no_purchase_of_the_week_changes_a_score(shops, buyer_ids):
    (pairs_before, before), (pairs_after, after) = (each.candidates_of(buyer_ids, TEST_DAY) for each in shops)
    assert len(buyer_ids) > 20
    assert pairs_before == pairs_after
    for name, marks in before.proposed_by.items():
        np.testing.assert_array_equal(after.proposed_by[name], marks, name)
    for column, name in enumerate(before.feature_names):
        np.testing.assert_array_equal(after.features[:, column], before.features[:, column], name)
    scores = [ranker_of(each).score(before.features) for each in shops]
    assert len(np.unique(scores[0])) > 10
    np.testing.assert_array_equal(scores[0], scores[1])


def test_a_snapshot_of_the_day_has_nothing_of_the_week(shops):
    """Whatever is bought in it, by whom, who buys in it anyhow is read by the two-tower as before."""
    before, after = (each.test.inputs() for each in shops)
    assert len(after.truths[TEST_DAY].values) > len(before.truths[TEST_DAY].values)
    queries = before.queries[TEST_DAY]
    rows = np.flatnonzero(np.isin(after.queries[TEST_DAY].customers, queries.customers))
    for name, value in vars(queries).items():
        np.testing.assert_array_equal(vars(after.queries[TEST_DAY].take(torch.from_numpy(rows)))[name], value, name)


def test_the_buyers_of_a_week_come_with_what_they_bought(shops, buyer_ids):
    fitted, truth = shops[0].test.fit_for_buyers(STAGES)
    assert fitted.day.customer_ids.tolist() == buyer_ids.tolist()
    assert fitted.day.customer_rows.tolist() == fitted.queries.customers.tolist()
    assert truth.buyers().tolist() == list(range(len(buyer_ids)))
    bought, ids = shops[0].marts.bought_in_week(TEST_DAY), shops[0].marts.customer_ids()
    catalogue = shops[0].test.inputs().catalogue
    pairs = zip(np.repeat(buyer_ids, truth.sizes()), catalogue.article_ids[truth.values], strict=True)
    assert set(pairs) == set(
        zip(ids[bought["customer_code"].to_numpy()], bought["article_id"].to_pylist(), strict=True)
    )


def test_the_same_purchases_change_the_scores_of_the_day_after_the_week(shops, buyer_ids):
    """Otherwise the test above would pass on scores that never change."""
    (pairs_before, before), (pairs_after, after) = (each.candidates_of(buyer_ids, CUTOFF) for each in shops)
    row_after = {pair: row for row, pair in enumerate(pairs_after)}
    common = [(row, row_after[pair]) for row, pair in enumerate(pairs_before) if pair in row_after]
    ranker, (rows, rows_after) = ranker_of(shops[0]), np.array(common).T
    assert len(rows) > 100
    assert set(pairs_after) - set(pairs_before)
    for name in ("two_tower_score", "ease_score", "item_knn_score", "rising_score"):
        column = before.feature_names.index(name)
        assert not np.array_equal(before.features[rows, column], after.features[rows_after, column], equal_nan=True)
    assert not np.array_equal(ranker.score(before.features[rows]), ranker.score(after.features[rows_after]))


@pytest.mark.parametrize("late", [TEST_DAY, TEST_DAY - timedelta(days=6)])
def test_a_training_week_that_reaches_into_the_week_is_refused_before_anything_is_written(demo_marts, tmp_path, late):
    with pytest.raises(ValueError, match=f"week from {late} does not end before {TEST_DAY}"):
        fit_two_tower(CANDIDATE, 1, demo_marts, TEST_DAY, [RANKING_DAY, late], ON_SALE_DAYS, tmp_path / "late")
    assert not (tmp_path / "late").exists()


def test_a_week_is_collected_for_its_buyers(shops):
    """Their purchases are the labels, as far as they are candidates."""
    weekly = shops[0].ranking
    week, truth = weekly.week(), weekly.inputs().truths[RANKING_DAY]
    assert week.as_of_day == RANKING_DAY
    assert len(week.offsets) - 1 == len(truth.buyers())
    bought = shops[0].marts.table("next_week_purchases", as_of_days=[RANKING_DAY]).num_rows
    assert 0 < week.is_bought.sum() <= bought


@pytest.mark.parametrize("as_of_day", [TEST_DAY, CUTOFF])
def test_own_articles_are_what_the_customers_bought_before(shops, as_of_day):
    """The marts have those of a week's buyers, at the cutoff everybody's: every pair of history and candidate."""
    test = shops[0].test
    day = (test.fit_day(STAGES, CUTOFF) if as_of_day == CUTOFF else test.fit_for_buyers(STAGES)[0]).day
    assert len(day) > 20
    rows, columns = day.history[:, day.candidates].nonzero()
    np.testing.assert_array_equal(np.sort(rows * day.n_candidates + columns), day.own.keys)
    days_bought = np.asarray(day.history[:, day.candidates][rows, columns]).ravel()
    places = day.own.find(rows * day.n_candidates + columns)
    np.testing.assert_array_equal(day.own.numbers["purchase_days"][places], days_bought)


def test_one_customer_beside_the_buyers_is_refused(shops, buyer_ids):
    """One who bought before the week and nothing in it, of whom the marts have nothing on the day."""
    marts, inputs = shops[0].marts, shops[0].test.inputs()
    purchases, ids = marts.interactions(inputs.catalogue), marts.customer_ids()
    had_bought, buyers = purchases.before(TEST_DAY).customers, inputs.queries[TEST_DAY].customers
    assert ids[buyers].tolist() == buyer_ids.tolist()
    other = np.setdiff1d(had_bought, buyers)[0]
    with pytest.raises(MartMissing, match=f"no row for customer {ids[other]} on 2020-09-16.*; serve only these"):
        read_shop_day(marts, TEST_DAY, np.append(buyers, other), np.arange(5), inputs.catalogue, purchases)


def test_a_week_without_buyers_teaches_nothing(shops, tmp_path):
    nobody = shops[0].fitted(np.empty(0, dtype=object), TEST_DAY)
    assert len(nobody.day) == 0
    with pytest.raises(ValueError, match="nobody bought anything in the week from 2020-09-16"):
        ranking_week(nobody, truth_of([]), tmp_path)


def test_a_sample_of_the_buyers_is_drawn_by_its_seed(shops, tmp_path):
    shop = shops[0]
    folder = shutil.copytree(shop.ranking.folder, tmp_path / "sampled")
    weekly = WeeklyModel(RANKING_DAY, folder, shop.marts)
    sampled, again, other = (collect_candidates(weekly, STAGES, 10, seed) for seed in (1, 1, 2))
    assert len(sampled.offsets) - 1 == len(other.offsets) - 1 == 10
    assert sampled.positions.tolist() == again.positions.tolist()
    assert not np.array_equal(sampled.offsets, other.offsets) or not np.array_equal(sampled.positions, other.positions)
    everybody = shop.ranking.week()
    np.testing.assert_array_equal(collect_candidates(weekly, STAGES, 10_000).features[:], everybody.features[:])


def test_a_model_scores_the_week_after_its_own_by_what_is_known_on_that_weeks_day(shops, tmp_path):
    """Only the two-tower is the earlier one; sales, own purchases and neighbours are those of the later day."""
    shop, weeks = shops[0], (RANKING_DAY, TEST_DAY)
    weekly = fit_two_tower(
        CANDIDATE, 2, shop.marts, RANKING_DAY, TRAINING_DAYS, ON_SALE_DAYS, tmp_path, weeks[1:], lambda epoch: None
    )
    for day in reversed(weeks):
        collect_candidates(weekly, STAGES, day=day)
    own, later = weeks_of([replace(weekly, scored_weeks=weeks)])
    np.testing.assert_array_equal(own.features[:], shop.ranking.week().features[:])
    own_model = ranking_week(*shop.test.fit_for_buyers(STAGES), tmp_path / "own")
    for name, is_same in {"two_tower_score": False, "ease_score": True, "article_sales_1w": True}.items():
        assert np.array_equal(*scores_of_common_pairs(later, own_model, name), equal_nan=True) == is_same


def scores_of_common_pairs(one: RankingWeek, other: RankingWeek, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a feature of the customers' candidates that two weeks have in common."""
    assert len(one.offsets) == len(other.offsets) > 20
    pairs = [
        np.repeat(np.arange(len(week.offsets) - 1), np.diff(week.offsets)) * 10_000 + week.positions
        for week in (one, other)
    ]
    common, *rows = np.intersect1d(*pairs, return_indices=True)
    assert len(common) > 100
    return tuple(week.feature(name)[places] for week, places in zip((one, other), rows, strict=True))


def test_a_model_without_its_inputs_keeps_its_week(shops, tmp_path):
    weekly = replace(shops[0].ranking, folder=shutil.copytree(shops[0].ranking.folder, tmp_path / "forgetful"))
    weekly.forget_inputs()
    np.testing.assert_array_equal(weekly.week().features[:], shops[0].ranking.week().features[:])
    with pytest.raises(FileNotFoundError):
        weekly.inputs()


def test_a_day_that_the_inputs_lack_is_an_error(shops):
    with pytest.raises(KeyError):
        shops[0].ranking.fit_day(STAGES, CUTOFF)


def test_denied_articles_are_nobodys_candidates(shops):
    """The most popular article of the day is denied; nobody gets it, and the two-tower is the same."""
    inputs = shops[0].test.inputs()
    features = shops[0].marts.table("article_features", as_of_days=[TEST_DAY]).to_pylist()
    best = max(features, key=lambda row: row["buyers_1w"])["article_id"]
    filters = FilterSettings(ON_SALE_DAYS, True, denied_articles=[best])
    sizes = {"popular": 12, "own": 12, "ease": 12}
    fitted = fit_day(shops[0].marts, TEST_DAY, inputs, None, sizes, filters, rows=inputs.truths[TEST_DAY].buyers())
    assert best not in inputs.catalogue.article_ids[fitted.day.candidates]
    assert fitted.filtered.counts()["denied"] == 1
