"""What every stage costs from the demo's size to H&M's: `python -m benchmarks.scale --help`

In: how far to go. Out: benchmarks/results/scale.json with an entry for each shop, and scale.png. Each shop is
generated, goes through the whole flow with the settings of a large shop, and is held against plain tools on the same
machine. What was measured with the same code is not measured again, and a run that broke off goes on at its step.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.quality import RESULTS_DIR
from benchmarks.results import read_results, write_results
from benchmarks.scale.floors import floors_of, published_customers
from benchmarks.scale.growth import growth_of, stage_costs
from benchmarks.scale.report import draw, measured_shops, tables
from benchmarks.scale.shops import SCALES
from benchmarks.scale.whole_runs import RunBrokeOff, ShopRun, code_mark, run_shop
from recommender.project_paths import data_dir
from recommender.tracking.code_version import code_version

MIB = 2**20
RESULTS = "scale.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the shops one after the other, write each when it is known; returns 1 when a run broke off."""
    options = _parser().parse_args(arguments)
    file, code, commit = options.results / RESULTS, code_mark(), code_version()
    for shop in SCALES[options.scale]:
        if read_results(file).get(shop, {}).get("code") == code:
            print(f"{shop}: measured before", flush=True)
            continue
        try:
            run = run_shop(shop, _folder(options.folder, shop), options.max_workers)
        except RunBrokeOff as error:
            print(f"{shop}: {error}", file=sys.stderr)
            return 1
        write_results(file, shop, {"commit": commit, "code": code, **measured(run), "floors": floors_of(run)})
    results = read_results(file)
    write_results(file, "growth", growth_of(measured_shops(results)))
    draw(results, options.results / "scale.png")
    print(tables(results))
    return 0


def measured(run: ShopRun) -> dict[str, Any]:
    """Return the sizes of a shop, and what its run cost in all and by stage."""
    stages = stage_costs(run.report["steps"])
    return {
        "customers": published_customers(run),
        "on_sale": run.report["n_candidates"],
        "purchases": run.purchases,
        "raw_mib": sum(file.stat().st_size for file in run.raw_dir.glob("*.csv")) // MIB,
        "seconds": run.seconds,
        "lists_per_second": round(published_customers(run) / stages["publish"]["seconds"]),
        "stages": stages,
    }


def _folder(folder: Path, shop: str) -> Path:
    of_shop = folder.absolute() / shop
    of_shop.mkdir(parents=True, exist_ok=True)
    return of_shop


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale",
        description="Measure every stage on shops of growing size, beside plain tools on the same machine.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--scale", choices=SCALES, default="small", help="the demo; a tenth of H&M, too; or all four up to H&M's size"
    )
    parser.add_argument("--max-workers", type=int, default=2, help="tasks of the flow at a time")
    parser.add_argument("--folder", type=Path, default=data_dir() / "bench" / "scale", help="up to 25 GB with full")
    parser.add_argument("--results", type=Path, default=RESULTS_DIR, help="folder of scale.json and scale.png")
    return parser


if __name__ == "__main__":
    sys.exit(main())
