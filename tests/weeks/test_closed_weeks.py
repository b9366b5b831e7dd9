"""A week in which nobody bought anything stops no night: what is fitted around it skips it."""

import csv
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from small_shop import ON_SALE_DAYS, SEGMENT_COLUMNS, SMALL_STAGES, SMALL_TWO_TOWER, TRAINING_WEEKS

from recommender.config import DEFAULT_FILE, Candidate, Settings, read_toml
from recommender.evaluation.usual_weeks import UsualWeeks
from recommender.features.encoding import encode_marts
from recommender.features.marts import Marts
from recommender.features.time_split import TimeWindows, split_by_time
from recommender.features.warehouse import build_marts
from recommender.models.grid import train_candidate
from recommender.weeks.configuration import Configuration
from recommender.weeks.tonights_models import FittedWeek, TonightsModels, fit_rankers
from recommender.weeks.weekly_jobs import fit_week, weekly_jobs

WEEK = timedelta(days=7)
CUTOFF = date(2020, 9, 23)  # the day after the small shop's last
CLOSED = CUTOFF - 4 * WEEK, CUTOFF - 3 * WEEK  # the first of them is the day of a model
CANDIDATE = Candidate("tiny", 7, {**SMALL_TWO_TOWER, "epochs": 1})
SETTINGS = replace(Settings.of(read_toml(DEFAULT_FILE.read_text()), "demo"), stages=SMALL_STAGES)


def close_weeks(raw_dir: Path, into: Path) -> Path:
    """Copy a shop without the purchases of the closed weeks."""
    shutil.copytree(raw_dir, into)
    with (raw_dir / "transactions_train.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    first, end = CLOSED[0].isoformat(), (CLOSED[-1] + WEEK).isoformat()
    with (into / "transactions_train.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *(row for row in rows if not first <= row[0] < end)])
    return into


@pytest.fixture(scope="module")
def planned(demo_windows) -> TimeWindows:
    """Five ranking weeks, two of which a two-tower scores; the closed ones are planned like the others."""
    first_day, last_day = demo_windows.first_purchase_day, CUTOFF - timedelta(days=1)
    return split_by_time(first_day, last_day, TRAINING_WEEKS, ranking_weeks=5, weeks_per_model=2)


@pytest.fixture(scope="module")
def marts(demo_raw_dir, planned, tmp_path_factory) -> Marts:
    folder = tmp_path_factory.mktemp("closed")
    return build_marts(
        close_weeks(demo_raw_dir, folder / "raw"),
        folder / "warehouse.duckdb",
        folder / "marts",
        cutoff=CUTOFF,
        training_weeks=len(planned.training_as_of_days),
        history_length=20,
        segment_columns=SEGMENT_COLUMNS,
        ranking_weeks=planned.ranking_weeks,
    ).marts


@pytest.fixture(scope="module")
def windows(marts, planned) -> TimeWindows:
    return planned.without_closed(UsualWeeks.of(marts.shop_weeks(), planned).without_sales())


@pytest.fixture(scope="module")
def models(marts, windows, tmp_path_factory) -> TonightsModels:
    folder = tmp_path_factory.mktemp("weeks")
    jobs = weekly_jobs(Configuration(CANDIDATE, 1, SMALL_STAGES), None, windows, folder / "weeks", folder / "tonight")
    fitted = [FittedWeek(job, fit_week(job, marts, windows, ON_SALE_DAYS, SETTINGS.ranking)) for job in jobs]
    return fit_rankers(fitted, windows, SETTINGS, None, folder)


def test_the_closed_weeks_are_found_in_the_marts(windows, planned):
    assert set(CLOSED) <= set(planned.ranking_as_of_days)
    assert windows.closed_as_of_days == CLOSED


def test_two_towers_and_ranker_are_fitted_around_them(models):
    """Planned were the weeks 6 and 5, 4 and 3, and 2 before the cutoff; 4 and 3 are closed, and with them a model."""
    weeks_before = {
        (CUTOFF - model.as_of_day).days // 7: [(CUTOFF - week).days // 7 for week in model.scored_weeks]
        for model in models.ranking
    }
    assert weeks_before == {6: [6, 5], 2: [2]}


def test_the_ranker_is_refitted_around_them(models, tmp_path):
    assert models.refit(tmp_path / "ranker").ranker_folder == tmp_path / "ranker"
    assert any((tmp_path / "ranker").iterdir())


def test_the_grid_trains_around_them(marts, windows, tmp_path):
    days = windows.training_as_of_days, windows.validation_as_of_day
    every_day = sorted({*days[0], days[1], *CLOSED})
    inputs = encode_marts(marts, days[1], ON_SALE_DAYS, tmp_path, every_day)
    assert [len(inputs.queries[day]) for day in CLOSED] == [0, 0]  # asked for, a closed week has nobody
    trained = train_candidate(CANDIDATE, inputs, *days, tmp_path / "model")
    assert trained.best_epoch == 1
