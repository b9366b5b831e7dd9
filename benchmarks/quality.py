"""How good are the served lists, over several test weeks and seeds? `python -m benchmarks.quality --help`

In: the raw files of a dataset. Out: benchmarks/results/quality.json (and .png), and every list that was scored in
data/bench/<dataset>/lists.parquet, which `--rescore` scores again from the raw CSV files by SQL alone.

    1. one dbt build as of every day that is needed
    2. for every day and seed a two-tower, fitted on what lies before the day, and the candidates of the day's week
    3. for every test week and seed the ranker and the lists; with the first seed the ablations
    4. the baselines' lists
    5. metrics, intervals, tables, plot

Steps 2 to 4 run in parallel, and what was finished before is not done again. To start afresh, remove the folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.jobs import MARKER, Job, run_jobs
from benchmarks.plan import Plan, make_plan, with_seed
from data.raw_errors import RawDataError
from recommender import config, project_paths
from recommender.errors import RecommenderError

RESULTS_DIR = Path(__file__).parent / "results"
SOURCE_VARIABLES = {"online-retail": "ONLINE_RETAIL_FILE", "kaggle-hm": "RAW_DIR"}
CANDIDATES = {"online-retail": "loyal"} | dict.fromkeys(("demo", "demo-medium", "demo-full", "kaggle-hm"), "base")
"""The entry of the grid that is measured on each dataset; fixed here, so that no test week has a say in it."""


def prepare_plan(
    dataset: str,
    folder: Path,
    toml: Mapping[str, Any],
    weeks: int,
    seeds: Sequence[int],
    candidate: str,
    cutoff: date | None = None,
    source: str = "",
    has_ablations: bool = True,
) -> Plan:
    """Bring and check the raw files, choose the settings for their size, and lay out the weeks.

    Raises:
        RawDataError, SettingsError, TimeSplitError: when files, settings or weeks do not fit.
    """
    from data.prepare import Request, prepare

    source = source or os.environ.get(SOURCE_VARIABLES.get(dataset, ""), "")
    raw = prepare(Request(dataset, source, cutoff=cutoff), project_paths.data_dir() / "raw")
    settings = config.Settings.of(toml, dataset, raw.transactions)
    return make_plan(dataset, raw, folder, settings, weeks, seeds, candidate, cutoff, has_ablations)


def make_lists(plan: Plan, processes: int = 2, report: Callable[[str], None] = print) -> int:
    """Build the marts, fit every model and write every list of a plan, except what was finished before.

    Returns the number of jobs that had to be done, the build among them.
    """
    import pyarrow.parquet as pq

    from benchmarks.weekly_lists import LISTS

    built = _build_marts(plan, report)
    fits, lists = fitting_jobs(plan), list_jobs(plan)
    report(f"{len(fits)} two-towers to fit, then {len(lists)} jobs that make lists")
    done = run_jobs([fits, lists], processes, report)
    unfinished = plan.lists_file.with_name(f"{plan.lists_file.name}.unfinished")
    with pq.ParquetWriter(unfinished, pq.read_schema(lists[0].folder / LISTS), compression="zstd") as writer:
        for job in lists:
            writer.write_table(pq.read_table(job.folder / LISTS))
    unfinished.replace(plan.lists_file)
    return built + done


def measure(plan: Plan, n_resamples: int | None = None) -> dict[str, Any]:
    """Score the lists of a plan; see `results.summarize`."""
    import numpy as np

    from benchmarks.results import N_RESAMPLES, summarize
    from benchmarks.scores import read_week_truths, score_lists
    from benchmarks.weekly_lists import RETRIEVED

    weeks = read_week_truths(plan)
    scores = score_lists(plan.lists_file, weeks, plan.marts.catalogue().article_ids)
    retrieved: dict[str, np.ndarray] = {}
    if plan.has_ablations:
        parts = [np.load(_lists_folder(plan, day, plan.seeds[0]) / RETRIEVED) for day in plan.test_days]
        retrieved = {name: np.concatenate([part[name] for part in parts]) for name in parts[0].files}
    return summarize(plan, weeks, scores, retrieved, n_resamples or N_RESAMPLES)


def fitting_jobs(plan: Plan) -> list[Job]:
    """Return the jobs that fit a two-tower, one for each day and seed; the first seed's come first."""
    from benchmarks.weekly_lists import fit_week

    jobs = []
    for seed in plan.seeds:
        for day, weeks in plan.fitted_days().items():
            training_days, most = plan.training_days(day), {week: plan.most_customers(day, week) for week in weeks}
            work = partial(
                fit_week,
                candidate=with_seed(plan.candidate, seed),
                day=day,
                training_days=training_days,
                marts=plan.marts,
                on_sale_days=plan.settings.features.on_sale_days,
                stages=plan.settings.stages,
                most_customers=most,
            )
            fingerprint = f"{plan.fingerprint()} {training_days[0]} {most}"
            jobs.append(Job(f"two-tower {day} seed {seed}", _fitted_folder(plan, day, seed), fingerprint, work))
    return jobs


def list_jobs(plan: Plan) -> list[Job]:
    """Return the jobs that make lists, one for each test week and seed and one for its baselines."""
    from benchmarks.weekly_lists import TestWeekOfSeed, recommend_by_baselines, recommend_week
    from recommender.weeks.weekly_models import WeeklyModel

    jobs, stages = [], _one_thread_each(plan.settings.stages)
    for seed in plan.seeds:
        is_first = seed == plan.seeds[0]
        for day in plan.test_days:
            models = plan.ranking_models(day)
            ranking = [
                WeeklyModel(each, _fitted_folder(plan, each, seed), plan.marts, weeks) for each, weeks in models.items()
            ]
            fitted = WeeklyModel(day, _fitted_folder(plan, day, seed), plan.marts)
            has_ablations = plan.has_ablations and is_first
            week = TestWeekOfSeed(seed, fitted, ranking, has_ablations)
            work = partial(recommend_week, week=week, stages=stages)
            fingerprint = f"{plan.fingerprint()} {plan.training_days(min(models))[0]} {has_ablations}"
            jobs.append(Job(f"lists {day} seed {seed}", _lists_folder(plan, day, seed), fingerprint, work))
            which = "simple" if not plan.has_ablations else "all" if is_first else "seeded"
            if is_first or plan.has_ablations:
                work = partial(recommend_by_baselines, day=day, seed=seed, marts=plan.marts, stages=stages, which=which)
                folder = plan.folder / "baselines" / f"{day}-seed{seed}"
                jobs.append(Job(f"baselines {day} seed {seed}", folder, f"{plan.fingerprint()} {which}", work))
    return jobs


def _build_marts(plan: Plan, report: Callable[[str], None]) -> int:
    """Build the marts unless they are there; returns 1 when they had to be built."""
    from recommender.features.warehouse import build_marts

    features, windows = plan.settings.features, plan.windows
    marker = plan.folder / f"marts.{MARKER}"
    fingerprint = f"{plan.fingerprint()} {len(windows.training_as_of_days)} {windows.ranking_weeks}"
    if marker.exists() and marker.read_text() == fingerprint:
        report("the marts are there")
        return 0
    marker.unlink(missing_ok=True)
    shutil.rmtree(plan.marts_dir, ignore_errors=True)
    build_marts(
        plan.raw_dir,
        plan.folder / "warehouse.duckdb",
        plan.marts_dir,
        cutoff=windows.cutoff,
        training_weeks=len(windows.training_as_of_days),
        history_length=features.history_length,
        segment_columns=features.segment_columns,
        ranking_weeks=windows.ranking_weeks,
    )
    marker.write_text(fingerprint)
    return 1


def _one_thread_each(stages: config.StageSettings) -> config.StageSettings:
    """Let rankers use one thread, on which their scores do not depend: jobs run side by side already."""
    return replace(stages, rankers={kind: {**own, "threads": 1} for kind, own in stages.rankers.items()})


def _fitted_folder(plan: Plan, day: date, seed: int) -> Path:
    return plan.folder / "fitted" / f"{day}-seed{seed}"


def _lists_folder(plan: Plan, day: date, seed: int) -> Path:
    return plan.folder / "lists" / f"{day}-seed{seed}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark, or score its lists again; 1 when those scores differ, 2 when the data does not fit."""
    options = _parser().parse_args(arguments)
    results_file = options.results / "quality.json"
    try:
        if options.rescore:
            return _rescore(options.dataset, results_file)
        return _benchmark(options, results_file)
    except (RecommenderError, RawDataError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _benchmark(options: argparse.Namespace, results_file: Path) -> int:
    from benchmarks.plot import draw
    from benchmarks.report import summary
    from benchmarks.results import write_results

    started = time.perf_counter()
    plan = prepare_plan(
        options.dataset,
        bench_dir(options.dataset),
        config.read_file(options.settings),
        options.weeks,
        options.seeds,
        options.candidate or CANDIDATES[options.dataset],
        options.cutoff,
    )
    n_done = make_lists(plan, options.processes, report=partial(print, flush=True))
    print("scoring the lists", flush=True)
    seconds = {"seconds": round(time.perf_counter() - started), "jobs": n_done}
    results = write_results(results_file, options.dataset, {**measure(plan), **seconds})
    draw(results, results_file.with_suffix(".png"))
    print(f"\n{summary(results, options.dataset)}\n\n{results_file} and .png were written in {seconds['seconds']} s")
    return 0


def _rescore(dataset: str, results_file: Path) -> int:
    from benchmarks.rescore_quality import find_differences, rescore
    from benchmarks.results import read_results

    reported = read_results(results_file)[dataset]
    rescored = rescore(bench_dir(dataset) / "lists.parquet", project_paths.raw_dir(dataset))
    differences = find_differences(reported, rescored)
    print("\n".join(differences) or f"{len(rescored)} models and seeds: {results_file.name} says the same.")
    return 1 if differences else 0


def bench_dir(name: str) -> Path:
    """Return the folder of one benchmark's marts, models and lists."""
    return project_paths.data_dir() / "bench" / name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__.split("\n\n")[0])
    parser.add_argument("--dataset", default=os.environ.get("DATASET") or "demo", choices=CANDIDATES)
    parser.add_argument("--weeks", type=int, default=4, help="test weeks (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9], help="(default: 7 8 9)")
    parser.add_argument(
        "--candidate", default="", help="entry of the grid (default: loyal for online-retail, else base)"
    )
    parser.add_argument("--cutoff", type=date.fromisoformat, help="first day that nothing may see, as YYYY-MM-DD")
    parser.add_argument("--settings", type=Path, default=config.DEFAULT_FILE, help="TOML file with every setting")
    parser.add_argument("--processes", type=int, default=2, help="jobs at a time, 1 runs them in this one (default: 2)")
    parser.add_argument("--results", type=Path, default=RESULTS_DIR, help="folder of quality.json and quality.png")
    parser.add_argument("--rescore", action="store_true", help="score the last run's lists again by SQL and compare")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
