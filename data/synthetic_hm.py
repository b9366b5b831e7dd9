"""Make the demo data: H&M's three CSV files, shaped like the real ones, from a seed and at any scale.

Stage: raw data, the first of the pipeline. In: a scale, a seed and a kind of shop. Out: `articles.csv`,
`customers.csv`, `transactions_train.csv` in H&M's exact columns and formats, and `oracle.parquet`, the true
top articles of the customers who buy in the last week (see `synthetic_oracle`). All four appear together or not at
all.

    python -m data.synthetic_hm --customers 20000 --articles 4000 --days 730 --seed 7 --out data/raw/demo
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from data.synthetic_calendar import CalendarShape, make_calendar
from data.synthetic_catalogue import CatalogueShape, make_catalogue
from data.synthetic_customers import TasteShape, make_customers, make_tastes
from data.synthetic_oracle import oracle_table
from data.synthetic_purchases import MarketShape, PurchaseWeek, Shop, purchase_weeks

FILES = ("articles.csv", "customers.csv", "transactions_train.csv", "oracle.parquet")
SMALLEST = {"customers": 200, "articles": 8, "days": 28}
FEWEST_THAT_COME_AND_GO = 100  # articles; a smaller shop keeps all it has, and customers buy what they own as if new
KIND_RANGES = {"concentration": (0.2, 3.0), "repeat_share": (0.01, 0.7), "price_level": (0.01, 10_000.0)}
HM_REPEAT_SHARE = 0.04
FITTED_UP_TO_ARTICLES = 10_500
# What holds H&M's profile in a shop of ten times as many articles. Its customers seldom plan what they have in the
# basket already, so they plan less; and demand as steep as in a small shop would leave a fifth of its articles unsold.
BASKET_PER_DECADE = 0.82
CONCENTRATION_PER_DECADE = 0.6
WEEKS_PER_PROGRESS_LINE = 13
LAST_DAY = date(2020, 9, 22)


@dataclass(frozen=True)
class Scale:
    """How much to make: numbers of customers, articles and days, and the seed that decides the rest."""

    customers: int = 26_000
    articles: int = 2_000
    days: int = 730
    seed: int = 50
    last_day: date = LAST_DAY

    def __post_init__(self) -> None:
        for name, smallest in SMALLEST.items():
            if (value := getattr(self, name)) < smallest:
                raise ValueError(f"{name} {value} is too few for data to learn from; use at least {smallest}.")

    @property
    def decades_beyond_fit(self) -> float:
        """How many times ten times as many articles there are as in the shops that all shapes were fitted to, or 0."""
        return max(0.0, math.log10(self.articles / FITTED_UP_TO_ARTICLES))

    def __str__(self) -> str:
        return f"{self.customers:,} customers, {self.articles:,} articles, {self.days:,} days"


@dataclass(frozen=True)
class ShopKind:
    """What kind of shop to make; the defaults are H&M's kind.

    `concentration`: the power that articles' shares of demand are raised to; below 1 sales spread, above 1 the best
    sellers take more. `repeat_share`: the share of rows whose customer bought the article on an earlier day. It is met
    within 0.05 in the second half of a history of half a year or more; a shorter one, where most articles are bought
    for the first time, has less, and a shop of fewer than 100 articles, where little is new, more. Above H&M's,
    customers also come more often and articles stay longer. `price_level`: a factor on every price.
    """

    concentration: float = 1.0
    repeat_share: float = HM_REPEAT_SHARE
    price_level: float = 1.0

    def __post_init__(self) -> None:
        for name, (least, most) in KIND_RANGES.items():
            if not least <= (value := getattr(self, name)) <= most:
                raise ValueError(f"{name} {value} is out of range; choose a number from {_range_text(name)}.")

    @property
    def loyalty(self) -> float:
        """Visits per customer and lives of articles, relative to H&M: what is bought again and again needs both."""
        return 1.0 + 5.0 * max(0.0, self.repeat_share - HM_REPEAT_SHARE)

    @property
    def repurchase_mean(self) -> float:
        """Mean propensity to buy again; it makes up for rows of one week that fall together as one purchase."""
        beyond = self.repeat_share - HM_REPEAT_SHARE
        return TasteShape().repurchase_mean * (self.repeat_share / HM_REPEAT_SHARE) * (1 + 0.15 * beyond)


@dataclass(frozen=True)
class Generated:
    """What was made: where, how many transaction rows, in how many seconds."""

    raw_dir: Path
    rows: int
    seconds: float


def generate(
    raw_dir: Path | str,
    customers: int = 26_000,
    articles: int = 2_000,
    days: int = 730,
    seed: int = 50,
    last_day: date = LAST_DAY,
    progress: Callable[[str], None] = lambda line: None,
    *,
    concentration: float = 1.0,
    repeat_share: float = HM_REPEAT_SHARE,
    price_level: float = 1.0,
) -> Generated:
    """Write the four files into `raw_dir`, replacing an earlier set; the same arguments give the same bytes.

    Scale and kind of shop are those of `Scale` and `ShopKind`. Raises ValueError for a scale below `SMALLEST` or a
    kind outside `KIND_RANGES`, and FileExistsError when `raw_dir` holds other files.
    """
    started = time.perf_counter()
    scale = Scale(customers, articles, days, seed, last_day)
    kind = ShopKind(concentration, repeat_share, price_level)
    raw_dir = Path(raw_dir).absolute()
    _refuse_foreign_files(raw_dir)
    beside = raw_dir.with_name(f".{raw_dir.name}.partial-{os.getpid()}")
    beside.mkdir(parents=True)
    try:
        rows = _write_files(beside, scale, kind, progress)
        _switch(beside, raw_dir)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Generated(raw_dir, rows, time.perf_counter() - started)


def make_shop(scale: Scale, seeds: list[np.random.SeedSequence], kind: ShopKind | None = None) -> Shop:
    """Catalogue, tastes, customers and calendar of a shop, each from its own stream of random numbers."""
    kind = kind or ShopKind()
    is_small = scale.articles < FEWEST_THAT_COME_AND_GO
    basket = CalendarShape().mean_articles_per_basket * BASKET_PER_DECADE**scale.decades_beyond_fit
    calendar_shape = CalendarShape(visits=kind.loyalty, mean_articles_per_basket=basket)
    life_weeks = kind.loyalty * CatalogueShape().life_weeks_median
    catalogue_shape = CatalogueShape(life_weeks_median=life_weeks, is_kept=is_small)
    taste_shape = TasteShape(repurchase_mean=kind.repurchase_mean, own_refused_up_to=0.5 if is_small else 1.0)
    catalogue_rng, taste_rng, customer_rng, calendar_rng = map(np.random.default_rng, seeds)
    calendar = make_calendar(scale.customers, scale.days, scale.last_day, calendar_rng, calendar_shape)
    catalogue = make_catalogue(scale.articles, calendar.weeks, catalogue_rng, catalogue_shape)
    tastes = make_tastes(catalogue, taste_rng, taste_shape)
    customers = make_customers(scale.customers, tastes, catalogue, customer_rng, taste_shape)
    concentration = kind.concentration * CONCENTRATION_PER_DECADE**scale.decades_beyond_fit
    market_shape = MarketShape(concentration=concentration, price_level=kind.price_level)
    return Shop(catalogue, tastes, customers, calendar, taste_shape, market_shape)


def _write_files(folder: Path, scale: Scale, kind: ShopKind, progress: Callable[[str], None]) -> int:
    """Write all four files; returns the number of transaction rows."""
    *shop_seeds, market_seed, choice_seed = np.random.SeedSequence(scale.seed).spawn(6)
    shop = make_shop(scale, shop_seeds, kind)
    _write_table(shop.catalogue.table, folder / "articles.csv")
    _write_table(shop.customers.table, folder / "customers.csv")
    rows = 0
    with TransactionsFile(folder / "transactions_train.csv", shop) as transactions:
        weeks = purchase_weeks(shop, np.random.default_rng(market_seed), np.random.default_rng(choice_seed))
        for bought, market, owned in weeks:
            transactions.write(bought)
            rows += len(bought.day)
            is_last = bought.week == shop.calendar.weeks - 1
            if is_last:
                oracle = oracle_table(shop, market, owned, np.unique(bought.customer))
            if is_last or bought.week % WEEKS_PER_PROGRESS_LINE == 0:
                progress(f"week {bought.week + 1:>3} of {shop.calendar.weeks}: {rows:,} rows")
    pa.parquet.write_table(oracle, folder / "oracle.parquet")
    return rows


def _write_table(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, lineterminator="\n")


class TransactionsFile:
    """transactions_train.csv, written one week at a time."""

    COLUMNS = ("t_dat", "customer_id", "article_id", "price", "sales_channel_id")

    def __init__(self, path: Path, shop: Shop):
        calendar = shop.calendar
        self._path = path
        self._dates = pa.array([str(calendar.first_day + timedelta(days=n)) for n in range(calendar.days)])
        self._customer_ids = pa.array(shop.customers.table["customer_id"])
        self._article_ids = pa.array(shop.catalogue.table["article_id"])

    def __enter__(self) -> TransactionsFile:
        self._file = self._path.open("wb")
        self._file.write((",".join(self.COLUMNS) + "\n").encode())
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def write(self, bought: PurchaseWeek) -> None:
        """Append the rows of a week, in order."""
        columns = (
            self._dates.take(pa.array(bought.day)),
            self._customer_ids.take(pa.array(bought.customer)),
            self._article_ids.take(pa.array(bought.article)),
            pa.array(bought.price),
            pa.array(bought.channel),
        )
        plain = pa.csv.WriteOptions(include_header=False, quoting_style="none")
        pa.csv.write_csv(pa.table(dict(zip(self.COLUMNS, columns, strict=True))), self._file, plain)


def _refuse_foreign_files(raw_dir: Path) -> None:
    """A folder that holds anything but an earlier set is not ours to replace."""
    if not raw_dir.exists() and not raw_dir.is_symlink():
        return
    if raw_dir.is_symlink() or not raw_dir.is_dir():
        raise FileExistsError(f"{raw_dir} is not a folder of generated data; choose another --out.")
    foreign = sorted(path.name for path in raw_dir.iterdir() if path.name not in FILES)
    if foreign:
        raise FileExistsError(f"{raw_dir} also holds {foreign[0]}, which is not generated; choose another --out.")


def _switch(new: Path, current: Path) -> None:
    """Put the finished folder in the place of the current one."""
    old = current.with_name(f".{current.name}.old-{os.getpid()}")
    if current.exists():
        current.rename(old)
    new.rename(current)
    shutil.rmtree(old, ignore_errors=True)


def main(arguments: list[str] | None = None) -> int:
    """The command: make the files, say how many rows and how long it took."""
    options = vars(_parser().parse_args(arguments))
    try:
        made = generate(options.pop("out"), **options, progress=lambda line: print(line, flush=True))
    except (ValueError, FileExistsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{made.rows:,} transaction rows in {made.raw_dir} after {made.seconds:.1f} s")
    return 0


def _parser() -> argparse.ArgumentParser:
    scale, kind = Scale(), ShopKind()
    parser = argparse.ArgumentParser(
        prog="python -m data.synthetic_hm",
        description=__doc__.split("\n\n")[0],
        epilog="Compare what was made with the real data: python -m data.data_profile DIR",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--customers", type=int, default=scale.customers, help="number of customers, at least 200")
    parser.add_argument("--articles", type=int, default=scale.articles, help="number of articles, at least 8")
    parser.add_argument("--days", type=int, default=scale.days, help="length of the history, at least 28 days")
    parser.add_argument("--seed", type=int, default=scale.seed, help="the same seed gives the same bytes")
    parser.add_argument("--last-day", type=date.fromisoformat, default=scale.last_day, help="last day of purchases")
    for name, meaning in (
        ("concentration", "above 1 the best sellers take more of the sales, below 1 less"),
        ("repeat_share", "share of rows that buy an article again"),
        ("price_level", "factor on all prices"),
    ):
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=float, default=getattr(kind, name), help=f"{meaning}, {_range_text(name)}")
    parser.add_argument("--out", type=Path, default=Path("data/raw/demo"), help="folder to write; replaced as a whole")
    return parser


def _range_text(name: str) -> str:
    """The range of a setting of `ShopKind`, such as "0.2 to 3"."""
    least, most = KIND_RANGES[name]
    return f"{least:g} to {most:g}"


if __name__ == "__main__":
    raise SystemExit(main())
