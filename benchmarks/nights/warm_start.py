"""Whether tonight's two-tower may begin with last night's weights: `python -m benchmarks.nights.warm_start --help`.

In: a dataset's raw files. Out: a table of MAP@12 and seconds over consecutive nights. Each night knows one day more
than the night before; its model is fitted on the weeks before its test week and scored there, as in the flow.

    cold      drawn weights, the whole schedule: what the flow does
    cold N    drawn weights, a schedule of N epochs: what the warm ones have to beat
    warm N    the weights of the night before, themselves warm, carried over by id; then a schedule of N epochs

The first night of every chain is cold. A night's test week ends after the training weeks of the night before, so what
is carried over has seen nothing that is scored.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import nn

from data.prepare import Request, prepare
from recommender.bootstrap import paired_difference
from recommender.columns import Columns
from recommender.config import DEFAULT_FILE, Candidate, Settings, read_toml
from recommender.features.encoding import encode_marts
from recommender.features.marts import Marts
from recommender.features.model_inputs import ModelInputs
from recommender.features.time_split import ONE_DAY, TimeWindows, split_by_time
from recommender.features.warehouse import build_marts
from recommender.models.article_encoder import RESERVED_CODES
from recommender.models.grid import (
    build_model,
    training_settings,
    validation_average_precision,
)
from recommender.models.training import train
from recommender.models.training_week import TrainingWeek
from recommender.project_paths import data_dir

Codes = dict[str, dict[str, int]]
"""By column, the code that each value has in one night's embedding tables."""


@dataclass(frozen=True)
class Way:
    """One way to fit a night's model.

    Attributes:
        name: in the table.
        is_warm: whether it begins with the weights of the night before.
        epochs: of its schedule.
        rate_share: of the candidate's learning rate.
    """

    name: str
    is_warm: bool
    epochs: int
    rate_share: float = 1.0


@dataclass(frozen=True)
class Night:
    """One night's inputs: `day` begins its test week, `codes` are of its vocabularies, `judged` are customer ids."""

    day: date
    training_days: tuple[date, ...]
    inputs: ModelInputs
    codes: Codes
    judged: np.ndarray


@dataclass(frozen=True)
class Fit:
    """A fitted model, the seconds that took, and AP@12 of the customers of its test week."""

    model: nn.Module
    seconds: float
    average_precision: np.ndarray


def ways(epochs: int) -> list[Way]:
    """Return what is compared: cold with the whole schedule, and shorter ones with and without last night's weights."""
    short = max(epochs // 3, 1)
    return [
        Way("cold", False, epochs),
        Way(f"cold {short}", False, short),
        Way(f"warm {short}", True, short),
        Way(f"warm {short}, half the rate", True, short, 0.5),
        Way("warm 2, half the rate", True, 2, 0.5),
        Way("warm 1, a fifth of the rate", True, 1, 0.2),
    ]


def carry_over(model: nn.Module, codes: Codes, before: nn.Module, codes_before: Codes) -> None:
    """Give a model the weights of another one: tables row by row by what the codes stand for, the rest as it is.

    A value that was unknown before keeps what it was drawn.
    """
    known, weights = before.state_dict(), model.state_dict()
    for name, weight in weights.items():
        if (column := _column_of(name)) is not None:
            rows = [
                (row, codes_before[column][value])
                for value, row in codes[column].items()
                if value in codes_before[column]
            ]
            now, then = torch.tensor([*enumerate(range(RESERVED_CODES)), *rows]).T
            weight[now] = known[name][then]
        elif name != "article_codes":
            weight.copy_(known[name])


def nights(dataset: str, last: int, folder: Path) -> Iterator[Night]:
    """Yield the last nights of a dataset, oldest first; the newest knows every purchase."""
    raw = prepare(Request(dataset, os.environ.get("ONLINE_RETAIL_FILE", "")), data_dir() / "raw")
    settings = Settings.of(read_toml(DEFAULT_FILE.read_text()), dataset, raw.transactions)
    for back in range(last - 1, -1, -1):
        cutoff = raw.last_day + ONE_DAY - back * ONE_DAY
        windows = split_by_time(raw.first_day, raw.last_day, settings.features.training_weeks, cutoff)
        marts = _marts(raw.raw_dir, windows, settings, folder / f"{cutoff}")
        yield _night(marts, windows, settings.features.on_sale_days, folder / f"{cutoff}" / "inputs")


def fit(way: Way, night: Night, candidate: Candidate, before: tuple[nn.Module, Codes] | None, k: int) -> Fit:
    """Fit one night's model in one way, and score its test week; `before` are last night's weights and codes."""
    started = time.perf_counter()
    model = build_model(candidate, night.inputs, night.day)
    settings = training_settings(candidate, night.inputs, night.day)
    if before is not None:
        carry_over(model, night.codes, *before)
        settings = replace(settings, epochs=way.epochs, learning_rate=settings.learning_rate * way.rate_share)
    elif not way.is_warm:
        settings = replace(settings, epochs=way.epochs)
    inputs = night.inputs
    days = [day for day in night.training_days if day in inputs.queries]
    weeks = [TrainingWeek.of(inputs.candidates[day], inputs.queries[day], inputs.truths[day]) for day in days]
    train(model, weeks, settings, report=lambda _: None)
    seconds = time.perf_counter() - started
    return Fit(model, seconds, validation_average_precision(model, inputs, night.day, k))


def measure(dataset: str, last: int, seeds: Sequence[int], label: str) -> dict:
    """Measure every way over the last nights of a dataset; returns what the table shows, plain values."""
    settings = Settings.of(read_toml(DEFAULT_FILE.read_text()), dataset)
    candidates = [_candidate(settings, label, seed) for seed in seeds]
    compared = ways(candidates[0].settings["epochs"])
    fits: dict[tuple[str, int], list[Fit]] = {(way.name, seed): [] for way in compared for seed in seeds}
    codes_before: Codes = {}
    judged: list[np.ndarray] = []
    with TemporaryDirectory(prefix="warm-start-", dir=data_dir()) as folder:
        for number, night in enumerate(nights(dataset, last, Path(folder))):
            for way in compared:
                for candidate in candidates:
                    chain = fits[way.name, candidate.seed]
                    before = (chain[-1].model, codes_before) if way.is_warm and number else None
                    chain.append(fit(way, night, candidate, before, settings.lists.k))
                    print(
                        f"{night.day}  {way.name}, seed {candidate.seed}: {chain[-1].average_precision.mean():.4f}",
                        flush=True,
                    )
            codes_before = night.codes
            judged.append(night.judged)
    return {
        "dataset": dataset,
        "candidate": label,
        "nights": last,
        "seeds": list(seeds),
        "ways": _summary(fits, compared, seeds, np.concatenate(judged[1:])),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and keep it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.nights.warm_start", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--dataset", default="demo", help="default: demo")
    parser.add_argument("--nights", type=int, default=6, help="consecutive nights (default: 6)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8], help="default: 7 8")
    parser.add_argument("--candidate", default="base", help="of the grid (default: base)")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # Merlin and Dask warn of running on a CPU, again and again
    found = measure(options.dataset, options.nights, options.seeds, options.candidate)
    print(format_table(found))
    path = data_dir() / f"warm-start-{options.dataset}.json"
    path.write_text(json.dumps(found, indent=2) + "\n")
    print(f"{path} keeps this")
    return 0


def format_table(found: dict) -> str:
    """Lay the measurement out, a line for each way."""
    lines = [
        f"{found['dataset']}, {found['candidate']}, seeds {found['seeds']}, {found['nights']} nights but for the first"
    ]
    lines.append(f"{'way':<30} {'MAP@12':>7}  {'minus cold':>26}  {'last night':>10}  {'seconds':>8}")
    for name, each in found["ways"].items():
        low, high = each["interval"]
        difference = f"{each['difference']:+.4f} [{low:+.4f}, {high:+.4f}]"
        lines.append(
            f"{name:<30} {each['map']:7.4f}  {difference:>26}  {each['last_night']:+10.4f}  {each['seconds']:8.1f}"
        )
    return "\n".join(lines)


def _summary(
    fits: dict[tuple[str, int], list[Fit]], compared: Sequence[Way], seeds: Sequence[int], customers: np.ndarray
) -> dict[str, dict]:
    """Return by way the mean MAP, its difference to cold with an interval over customers, and the seconds of a fit."""
    precision = {way.name: _mean_precision([fits[way.name, seed] for seed in seeds]) for way in compared}
    summary = {}
    for way in compared:
        mine, cold = (np.concatenate(precision[name]) for name in (way.name, compared[0].name))
        difference = paired_difference(mine, cold, customers, seed=0)
        of_nights = [night.seconds for seed in seeds for night in fits[way.name, seed][1:]]
        summary[way.name] = {
            "map": float(mine.mean()),
            "difference": difference.mean,
            "interval": [difference.low, difference.high],
            "last_night": float((precision[way.name][-1] - precision[compared[0].name][-1]).mean()),
            "seconds": float(np.mean(of_nights)),
        }
    return summary


def _mean_precision(chains: Sequence[Sequence[Fit]]) -> list[np.ndarray]:
    """Return each night's AP, the first night left out, averaged over seeds."""
    return [np.mean([each.average_precision for each in night], axis=0) for night in zip(*chains, strict=True)][1:]


def _candidate(settings: Settings, label: str, seed: int) -> Candidate:
    found = next(each for each in settings.candidates if each.name == label)
    return replace(found, seed=seed)


def _marts(raw_dir: Path, windows: TimeWindows, settings: Settings, folder: Path) -> Marts:
    features = settings.features
    return build_marts(
        raw_dir,
        folder / "warehouse.duckdb",
        folder / "marts",
        cutoff=windows.cutoff,
        training_weeks=len(windows.training_as_of_days),
        history_length=features.history_length,
        segment_columns=features.segment_columns,
    ).marts


def _night(marts: Marts, windows: TimeWindows, on_sale_days: int, folder: Path) -> Night:
    day = windows.test_as_of_day
    training_days = windows.known_before(day)
    inputs = encode_marts(marts, day, on_sale_days, folder, [*training_days, day])
    queries, truth = inputs.queries[day], inputs.truths[day]
    judged = queries.customers[queries.has_history() & (truth.sizes() > 0)]
    return Night(day, training_days, inputs, _codes(folder), np.asarray(marts.customer_ids())[judged])


def _codes(folder: Path) -> Codes:
    """Read the vocabularies of both workflows."""
    codes = {}
    for path in folder.glob("*_workflow/categories/unique.*.parquet"):
        column = path.name.removeprefix("unique.").removesuffix(".parquet")
        values = pq.read_table(path, columns=[column])[column].to_pylist()
        codes[column] = {value: RESERVED_CODES + place for place, value in enumerate(values)}
    return codes


def _column_of(name: str) -> str | None:
    """Return the column whose codes the rows of a weight stand for; None when they stand for none."""
    if name.endswith("own.table.weight"):
        return Columns.ARTICLE_ID
    parts = name.split(".")
    return parts[parts.index("branches") + 1] if "branches" in parts else None


if __name__ == "__main__":
    sys.exit(main())
