"""Fit what is not fitted yet and keep what both gates judge of it; `python -m benchmarks.calibration.collect --help`.

In: shops. Out: a folder for each with `NightInputs`. Interrupted, it goes on with the first shop that is not finished.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.calibration.inputs import INPUTS, collect_inputs, keep_inputs
from benchmarks.calibration.nights import FITTED, fit_night, read_night
from benchmarks.calibration.shops import Shop, shops
from benchmarks.jobs import workers
from recommender.project_paths import data_dir


def collect(shop: Shop, folder: Path, are_models_kept: bool = False) -> None:
    """Make the inputs of one shop, unless they are there."""
    if (folder / INPUTS).exists():
        return
    if not (folder / FITTED).exists():
        shutil.rmtree(folder, ignore_errors=True)
    night = read_night(folder) if (folder / FITTED).exists() else fit_night(shop, folder)
    keep_inputs(collect_inputs(night), folder)
    if not are_models_kept:
        for path in folder.iterdir():
            if path.name != INPUTS:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def collect_all(options: argparse.Namespace) -> None:
    """Make the inputs of every shop that the options ask for, the largest first: it would keep the others waiting."""
    with workers(options.processes) as pool:
        each_shop = map if pool is None else pool.map
        wanted = list(wanted_shops(options))[::-1]
        folders = [options.folder / shop.name for shop in wanted]
        for _ in each_shop(collect, wanted, folders, [options.keep_models] * len(wanted)):
            pass


def wanted_shops(options: argparse.Namespace) -> Iterator[Shop]:
    """Yield the shops that the options ask for."""
    for shop in shops(options.online_retail_file, options.shop):
        if re.search(options.only, shop.name):
            yield shop


def add_shop_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which shops there are, and where their inputs are kept."""
    parser.add_argument("--folder", type=Path, default=data_dir() / "calibration", help="holds a folder for each shop")
    parser.add_argument("--online-retail-file", type=Path, help="UCI's Online Retail II: .zip, .xlsx, .csv or .parquet")
    parser.add_argument("--shop", type=Path, action="append", default=[], help="folder of raw files in H&M's layout")
    parser.add_argument("--only", default="", help="regular expression that the names of the shops match")
    parser.add_argument("--processes", type=int, default=2, help="shops at a time, 1 takes one after the other here")
    parser.add_argument("--keep-models", action="store_true", help="keep what was fitted, gigabytes of it")


def main(arguments: Sequence[str] | None = None) -> int:
    """Collect the inputs of every shop, or of those that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration.collect", description=main.__doc__)
    add_shop_options(parser)
    collect_all(parser.parse_args(arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main())
