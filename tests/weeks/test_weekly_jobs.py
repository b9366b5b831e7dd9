"""Which configuration is fitted before which day."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from recommender.config import DEFAULT_FILE, Settings, read_toml
from recommender.features.time_split import split_by_time
from recommender.weeks.configuration import Configuration
from recommender.weeks.weekly_jobs import weekly_jobs

SETTINGS = Settings.of(read_toml(DEFAULT_FILE.read_text()), "demo")
TONIGHT = Configuration(SETTINGS.candidates[0], 11, SETTINGS.stages)
CHAMPION = replace(TONIGHT, candidate=SETTINGS.candidates[1])
WINDOWS = split_by_time(date(2020, 1, 1), date(2020, 9, 22), training_weeks=12, ranking_weeks=2)
FOLDERS = Path("weeks"), Path("published")


@pytest.fixture
def jobs():
    return weekly_jobs(TONIGHT, CHAMPION, WINDOWS, *FOLDERS)


def test_without_a_champion_nothing_more_is_fitted():
    jobs = weekly_jobs(TONIGHT, None, WINDOWS, *FOLDERS)
    assert [job.label for job in jobs] == ["2020-09-02", "2020-09-09", "2020-09-16", "2020-09-23"]
    assert {job.configuration.candidate.name for job in jobs} == {TONIGHT.candidate.name}


def test_a_champion_is_fitted_before_the_same_weeks_but_not_for_tonight(jobs):
    champions = [job for job in jobs if job.is_champion]
    assert [job.label for job in champions] == [f"champion 2020-09-{day}" for day in ("02", "09", "16")]
    assert all(job.configuration == CHAMPION for job in champions)
    assert len(jobs) == 4 + 3


def test_a_model_that_scores_two_weeks_saves_the_second_one(jobs):
    pairs = weekly_jobs(TONIGHT, CHAMPION, replace(WINDOWS, weeks_per_model=2), *FOLDERS)
    scored = {job.label: [day.isoformat() for day in job.scored_weeks] for job in pairs}
    assert scored == {
        "2020-09-02": ["2020-09-02", "2020-09-09"],
        "2020-09-16": ["2020-09-16"],
        "2020-09-23": [],  # tonight's week is not over
        "champion 2020-09-02": ["2020-09-02", "2020-09-09"],
        "champion 2020-09-16": ["2020-09-16"],
    }
    assert all(job.scored_weeks in ((job.as_of_day,), ()) for job in jobs)


def test_no_two_jobs_share_a_folder(jobs):
    assert len({job.folder for job in jobs}) == len(jobs)
    assert [job.as_of_day for job in jobs if job.folder == Path("published")] == [WINDOWS.publishing_as_of_day]
