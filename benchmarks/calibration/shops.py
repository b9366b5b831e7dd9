"""The shops that the thresholds are set on: generated ones of many sizes and kinds, real ones whole and thinned.

In: UCI's Online Retail II, where there is a file of it, and folders of the user's own shops. Out: `Shop`s; each makes
its raw files when it is its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

import duckdb

from data.online_retail_source import load_invoice_lines
from data.synthetic_hm import generate

SEEDS = 11, 12
SIZES = {
    "1500 customers": {"customers": 1_500, "articles": 300},
    "5000 customers": {"customers": 5_000, "articles": 1_000},
    "12000 customers": {"customers": 12_000, "articles": 4_000},
    "26000 customers": {"customers": 26_000, "articles": 2_000},
}
LARGEST = {"137000 customers": {"customers": 137_000, "articles": 10_500}}
KINDS = {
    "flat demand": {"concentration": 0.5},
    "steep demand": {"concentration": 2.0},
    "repeats 2%": {"repeat_share": 0.02},
    "repeats 20%": {"repeat_share": 0.2},
    "repeats 60%": {"repeat_share": 0.6},
    "prices a tenth": {"price_level": 0.1},
    "prices times 100": {"price_level": 100.0},
    "8 articles": {"articles": 8},
    "60 articles": {"articles": 60},
}
OF_A_KIND = {"customers": 4_000, "articles": 800, "days": 540}
"""What a shop of a kind is otherwise like: as small as still tells, because there are many."""

THINNED = {
    "a tenth of the customers": "hash(customer_id) % 10 = {seed} % 10",
    "a quarter of the weeks": "invoice_ts >= (select max(invoice_ts) from invoice_lines) - interval 26 weeks",
    "a fifth of the articles": "hash(stock_code) % 5 = {seed} % 5",
}
HALF_A_YEAR_BEFORE = date(2011, 6, 10)


@dataclass(frozen=True)
class Shop:
    """One shop.

    Attributes:
        name: of shop and seed, also that of its folder.
        dataset: whose settings it is run with.
        make: puts raw files into a folder, made when missing, and returns the source that `plan_run` takes; can be
            pickled, as another process may call it.
        seed: of the models; a generated shop draws its data by it, too.
        cutoff: first day that nothing may see; None for the day after the last purchase.
    """

    name: str
    dataset: str
    make: Callable[[Path], str]
    seed: int
    cutoff: date | None = None


def shops(online_retail_file: Path | None, folders: Sequence[Path] = ()) -> Iterator[Shop]:
    """Yield the shops, the quick ones first.

    Args:
        online_retail_file: UCI's table in any form that `make run` reads; without it its shops are left out.
        folders: of raw files in H&M's layout, one shop each.
    """
    for folder in folders:
        yield Shop(f"{folder.name} {SEEDS[0]}", "kaggle-hm", partial(_as_it_is, folder), SEEDS[0])
    for seed in SEEDS:
        kinds = {name: OF_A_KIND | kind for name, kind in KINDS.items()}
        yield from (_generated(name, seed, shape) for name, shape in (SIZES | kinds).items())
        if online_retail_file is not None:
            yield from _real(online_retail_file, seed)
    yield from (_generated(name, SEEDS[0], shape) for name, shape in LARGEST.items())


def _generated(name: str, seed: int, shape: dict[str, float]) -> Shop:
    return Shop(f"{name} {seed}", "kaggle-hm", partial(_generate, seed, shape), seed)


def _generate(seed: int, shape: dict[str, float], folder: Path) -> str:
    generate(folder, seed=seed, **shape)
    return str(folder)


def _real(file: Path, seed: int) -> Iterator[Shop]:
    name, whole = "online retail", partial(_as_it_is, file)
    yield Shop(f"{name} {seed}", name.replace(" ", "-"), whole, seed)
    yield Shop(f"{name} half a year before {seed}", "online-retail", whole, seed, HALF_A_YEAR_BEFORE)
    for what, condition in THINNED.items():
        make = partial(_thin, file, condition.format(seed=seed))
        yield Shop(f"{name} {what} {seed}", "online-retail", make, seed)


def _as_it_is(source: Path, folder: Path) -> str:
    return str(source)


def _thin(file: Path, condition: str, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "lines.parquet"
    with duckdb.connect() as connection:
        load_invoice_lines(connection, file, folder)
        lines = connection.sql(f"select * exclude (line, sheet) from invoice_lines where {condition}")
        lines.write_parquet(str(target))
    return str(target)
