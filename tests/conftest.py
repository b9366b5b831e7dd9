"""Fixtures that several rooms share: a small generated shop, its marts, and what models are trained on."""

import os

import pytest
from headless_browser import running_browser
from small_shop import (
    ON_SALE_DAYS,
    RANKING_WEEKS,
    SEGMENT_COLUMNS,
    SMALL_STAGES,
    SMALL_TWO_TOWER,
    TRAINING_WEEKS,
)

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def demo_raw_dir(tmp_path_factory):
    """Raw files of a small generated shop: 600 customers, 200 articles, 20 weeks."""
    from data.synthetic_hm import generate

    return generate(tmp_path_factory.mktemp("raw") / "demo", customers=600, articles=200, days=140, seed=3).raw_dir


@pytest.fixture(scope="session")
def demo_windows(demo_raw_dir):
    """The weeks of a run on the small shop."""
    from data.raw_schema import check_raw_files
    from recommender.features.time_split import split_by_time

    raw = check_raw_files(demo_raw_dir)
    return split_by_time(raw.first_day, raw.last_day, TRAINING_WEEKS, ranking_weeks=RANKING_WEEKS)


@pytest.fixture(scope="session")
def demo_marts(demo_raw_dir, demo_windows, tmp_path_factory):
    """The small shop's marts, built and tested by dbt."""
    from recommender.features.warehouse import build_marts

    folder = tmp_path_factory.mktemp("marts")
    return build_marts(
        demo_raw_dir,
        folder / "warehouse.duckdb",
        folder / "marts",
        cutoff=demo_windows.cutoff,
        training_weeks=len(demo_windows.training_as_of_days),
        history_length=20,
        segment_columns=SEGMENT_COLUMNS,
        ranking_weeks=demo_windows.ranking_weeks,
    ).marts


@pytest.fixture(scope="session")
def evaluated_folder(demo_marts, demo_windows, tmp_path_factory):
    """A folder with workflows fitted on what lies before the validation week."""
    from recommender.features.encoding import encode_marts

    folder = tmp_path_factory.mktemp("evaluated")
    encode_marts(demo_marts, demo_windows.validation_as_of_day, ON_SALE_DAYS, folder, demo_windows.as_of_days)
    return folder


@pytest.fixture(scope="session")
def model_inputs(evaluated_folder):
    """Everything encoded by those workflows."""
    from recommender.features.encoding import INPUTS
    from recommender.features.model_inputs import ModelInputs

    return ModelInputs.load(evaluated_folder / INPUTS)


@pytest.fixture(scope="session")
def trained_candidate(model_inputs, demo_windows, tmp_path_factory):
    """A small two-tower trained on the training weeks, saved."""
    from recommender.config import Candidate
    from recommender.models.grid import train_candidate

    return train_candidate(
        Candidate("small", 7, SMALL_TWO_TOWER),
        model_inputs,
        demo_windows.training_as_of_days,
        demo_windows.validation_as_of_day,
        tmp_path_factory.mktemp("model"),
    )


@pytest.fixture(scope="session")
def weekly_two_towers(demo_marts, demo_windows, tmp_path_factory):
    """Small two-towers by the day they are blind from: the validation and the test week, and the publishing day."""
    from recommender.config import Candidate
    from recommender.weeks.weekly_models import fit_two_tower

    validation, test, publishing = demo_windows.as_of_days[-3:]
    return {
        day: fit_two_tower(
            Candidate("small", 7, SMALL_TWO_TOWER),
            SMALL_TWO_TOWER["epochs"],
            demo_marts,
            day,
            demo_windows.known_before(day),
            ON_SALE_DAYS,
            tmp_path_factory.mktemp(f"before {day}"),
            scored_days=scored_days,
            report=lambda epoch: None,
        )
        for day, scored_days in ((validation, []), (test, [publishing]), (publishing, []))
    }


@pytest.fixture(scope="session")
def ranker_choice(weekly_two_towers, demo_windows):
    """A small ranker that learned from the validation week, and how it was chosen."""
    from recommender.stages.rank import fit_on_weeks
    from recommender.weeks.weekly_models import collect_candidates

    weekly = weekly_two_towers[demo_windows.validation_as_of_day]
    return fit_on_weeks([collect_candidates(weekly, SMALL_STAGES)], SMALL_STAGES.rankers, seed=7)


@pytest.fixture(scope="session")
def ranker_folder(ranker_choice, tmp_path_factory):
    """The folder of that ranker."""
    folder = tmp_path_factory.mktemp("ranker")
    ranker_choice.ranker.save(folder)
    return folder


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium of the module's own: while it runs, its thread has an event loop, and asyncio.run fails."""
    with running_browser() as running:
        yield running
