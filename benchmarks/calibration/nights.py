"""A shop's night without Metaflow: everything that a night fits, in one process and in the same order.

In: a `Shop`. Out: `FittedNight`, pickled in the shop's folder beside the models.
"""

from __future__ import annotations

import pickle
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.calibration.shops import Shop
from recommender import config
from recommender.evaluation.usual_weeks import UsualWeeks
from recommender.features.encoding import encode_marts
from recommender.features.marts import Marts
from recommender.features.time_split import TimeWindows
from recommender.features.warehouse import build_marts
from recommender.models.choice import choose
from recommender.models.grid import train_candidate
from recommender.models.trained_candidate import TrainedCandidate
from recommender.release.run_folders import WEEKLY_MODELS
from recommender.weeks.configuration import Configuration
from recommender.weeks.run_plan import RunPlan, plan_run
from recommender.weeks.tonights_models import FittedWeek, TonightsModels, fit_rankers
from recommender.weeks.weekly_jobs import fit_week, weekly_jobs
from recommender.weeks.weekly_models import FittedModels

FITTED = "fitted.pkl"
Report = Callable[[str], None]


@dataclass(frozen=True)
class FittedNight:
    """What a night fitted.

    Attributes:
        name: of the shop.
        dataset: whose settings it was run with.
        seed: of the models.
        windows: the dates.
        weeks: the newest weeks beside those before them.
        oracle_file: true probabilities, where the data are generated.
        label: of the chosen two-tower.
        configuration: of the night.
        models: before the verdict.
        refitted: what makes the lists for everybody.
        purchases: rows of the transactions: a large shop has settings of its own.
    """

    name: str
    dataset: str
    seed: int
    windows: TimeWindows
    weeks: UsualWeeks
    oracle_file: Path | None
    label: str
    configuration: Configuration
    models: TonightsModels
    refitted: FittedModels
    purchases: int = 0


def settings_of(night: FittedNight) -> config.Settings:
    """Return the settings that a night was fitted with."""
    return config.Settings.of(shipped_settings(night.seed), night.dataset, night.purchases)


def shipped_settings(seed: int) -> dict[str, Any]:
    """Return the shipped settings file with another seed of everything random; trees grow the same on any cores."""
    text = config.DEFAULT_FILE.read_text(encoding="utf-8").replace("\nthreads = 2 ", "\nthreads = 1 ")
    text = re.sub(r"(?m)^seeds = \[7\]|^seed = 7\b", lambda found: found[0].replace("7", str(seed)), text)
    return config.read_toml(text)


def fit_night(shop: Shop, folder: Path, report: Report = print) -> FittedNight:
    """Fit a shop's night in a folder of its own, and keep what was fitted.

    Raises:
        RawDataError, RecommenderError: as a run of the flow would end with.
    """
    report, toml = _timed(shop.name, report), shipped_settings(shop.seed)
    source = shop.make(folder / "source")
    plan, settings = plan_run(shop.dataset, source, shop.cutoff, toml, folder / "raw", lambda _: None)
    report("raw files are there")
    marts = _build_marts(plan, settings, folder)
    weeks = UsualWeeks.of(marts.shop_weeks(), plan.windows)
    windows = plan.windows.without_closed(weeks.without_sales())
    report("marts are built")
    chosen = choose(_train_grid(windows, marts, settings, folder)).kept
    report(f"{chosen.candidate.label} is chosen")
    configuration = Configuration(chosen.candidate, chosen.best_epoch, settings.stages)
    jobs = weekly_jobs(configuration, None, windows, folder / WEEKLY_MODELS, folder / "published")
    on_sale_days, ranking = settings.features.on_sale_days, settings.ranking
    fitted = [FittedWeek(job, fit_week(job, marts, windows, on_sale_days, ranking)) for job in jobs]
    report("all weeks are fitted")
    models = fit_rankers(fitted, windows, settings, None, folder)
    oracle_file = Path(source) / "oracle.parquet"
    night = FittedNight(
        name=shop.name,
        dataset=shop.dataset,
        seed=shop.seed,
        windows=windows,
        weeks=weeks,
        oracle_file=oracle_file if oracle_file.exists() else None,
        label=chosen.candidate.label,
        configuration=configuration,
        models=models,
        refitted=models.refit(folder / "published" / "ranker"),
        purchases=plan.purchases,
    )
    report("all is fitted")
    beside = folder / f"{FITTED}.unfinished"
    beside.write_bytes(pickle.dumps(night))
    beside.rename(folder / FITTED)
    return night


def read_night(folder: Path) -> FittedNight:
    """Read back what `fit_night` wrote; not for files of unknown origin, it unpickles."""
    return pickle.loads((folder / FITTED).read_bytes())


def _build_marts(plan: RunPlan, settings: config.Settings, folder: Path) -> Marts:
    warehouse = folder / "warehouse.duckdb"
    built = build_marts(
        plan.raw_dir,
        warehouse,
        folder / "marts",
        cutoff=plan.windows.cutoff,
        training_weeks=len(plan.windows.training_as_of_days),
        history_length=settings.features.history_length,
        segment_columns=settings.features.segment_columns,
        ranking_weeks=plan.windows.ranking_weeks,
    )
    warehouse.unlink()
    return built.marts


def _train_grid(windows: TimeWindows, marts: Marts, settings: config.Settings, folder: Path) -> list[TrainedCandidate]:
    day = windows.validation_as_of_day
    days = [*windows.training_as_of_days, day]
    inputs = encode_marts(marts, day, settings.features.on_sale_days, folder / "evaluated", days)
    return [
        train_candidate(
            candidate,
            inputs,
            training_days=windows.training_as_of_days,
            validation_day=day,
            folder=folder / "models" / candidate.label,
            report=lambda _: None,
            k=settings.lists.k,
        )
        for candidate in settings.candidates
    ]


def _timed(name: str, report: Report) -> Report:
    started = time.perf_counter()
    return lambda what: report(f"{name}: {what} after {time.perf_counter() - started:,.0f} s")
