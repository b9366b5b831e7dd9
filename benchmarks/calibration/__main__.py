"""Set the thresholds of both gates on many shops, and show that they hold: `make calibrate`.

In: the inputs that `collect` keeps, made where they are missing. Out: tables on the terminal and in
docs/calibration.md, which names the commit.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.calibration import tables
from benchmarks.calibration.collect import add_shop_options, collect_all
from benchmarks.calibration.healthy_nights import simulated_nights
from benchmarks.calibration.inputs import INPUTS, NightInputs, read_inputs
from benchmarks.calibration.thresholds import calibrate, leave_one_out
from benchmarks.calibration.verdicts import HEALTHY, JudgedNight, judge, judge_all
from recommender import config
from recommender.project_paths import PROJECT_ROOT
from recommender.tracking.code_version import code_version

PAGE = PROJECT_ROOT / "docs/calibration.md"

SIMULATED = ("1500 customers 11", "5000 customers 11", "repeats 20% 11", "online retail a tenth of the customers 11")
"""Shops whose nights are simulated, as far as they are there: small ones, where chance does most."""

SIMULATION_SEED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Collect what is missing, judge every night, print the tables; returns 1 when a healthy night is refused."""
    options = _parser().parse_args(arguments)
    if not options.only_kept:
        collect_all(options)
    folders = sorted(path.parent for path in options.folder.glob(f"*/{INPUTS}"))
    settings = config.Settings.of(config.read_file(config.DEFAULT_FILE), "demo")
    rows, nights, refused = [], [], {}
    for folder in folders:
        night = read_inputs(folder)
        judged = list(_told(night, settings))
        nights += judged
        rows.append(tables.shop_row(night, judged[0]))
        if night.name in SIMULATED and options.nights:
            refused[night.name] = _refused_by_chance(night, settings, options.nights)
    text = _text(rows, nights, refused, options.nights)
    print(text)
    PAGE.write_text(text, encoding="utf-8")
    return int(any(night.refused_by for night in nights if night.saboteur == HEALTHY))


def _told(night: NightInputs, settings: config.Settings) -> Sequence[JudgedNight]:
    """Judge a night, healthy and spoiled, and say on standard error how far it got."""
    judged = list(judge_all(night, settings))
    told = tables.refusals(judged[0]) or "published"
    n_refused = sum(bool(each.refused_by) for each in judged[1:])
    print(f"{night.name}: {told}; {n_refused} of {len(judged) - 1} saboteurs refused", file=sys.stderr, flush=True)
    return judged


def _refused_by_chance(night: NightInputs, settings: config.Settings, n_nights: int) -> list[str]:
    """Return the first test that refuses each of the simulated nights that are refused."""
    judged = (judge(each, settings) for each in simulated_nights(night, n_nights, SIMULATION_SEED))
    return [each.refused_by[0] for each in judged if each.refused_by]


def _text(rows: list, nights: list[JudgedNight], refused: dict[str, list[str]], n_nights: int) -> str:
    parts = {
        "Healthy nights": tables.shop_table(rows),
        "Thresholds": tables.test_table(calibrate(nights)),
        "Saboteurs": tables.saboteur_table(nights),
        "Leave one out": tables.left_out_table(leave_one_out(nights)),
        "Simulated healthy nights": tables.simulated_table(refused, n_nights),
    }
    told = "\n\n".join(f"## {title}\n\n{table}" for title, table in parts.items())
    return f"# Calibration\n\nMade by `make calibrate` at commit {code_version()}.\n\n{told}\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration", description=__doc__.split("\n\n")[0].partition(":")[0] + "."
    )
    add_shop_options(parser)
    parser.add_argument("--nights", type=int, default=200, help="simulated nights of some shops (default: 200)")
    parser.add_argument("--only-kept", action="store_true", help="make nothing, judge what is there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
