"""Print generated data beside the profile of the real H&M data, line by line, with a tolerance and a verdict.

Stage: raw data, demo only. In: a folder with the three CSV files. Out: a table; exit code 1 when a line is off.

    python -m data.data_profile data/raw/demo

Scaling. A shop with 2,000 articles is not a shop with 105,542, so counts of articles, rows and customers are
compared as shares of the catalogue, of all rows and of all customers: "the top 1,000 articles" of the profile are
the top 0.95% of the catalogue here. No scaling makes recall@12 of a bestseller list comparable: twelve places are
0.01% of H&M's catalogue and 0.6% of 2,000 articles. What can be held is a bound: if bestsellers catch no larger a
share of purchases than the equally large part of H&M's catalogue holds of its sales, popularity is not easier here.
The generated head is flatter than H&M's: as steep a head would let twelve bestsellers out of 2,000 catch two fifths of
all purchases, where H&M's catch 3%. This lowers the popularity baseline in absolute terms and so raises a model's ratio
to it: judge models here by their distance to the oracle as well.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.hm_profile import hm_profile
from data.profile_measures import LIST_LENGTH, measure, number, open_raw, relative_to_mean
from data.synthetic_calendar import rows_per_day_by_month

SHORTEST_COMPARABLE_DAYS = 700  # counts per customer, gaps, seasons and lives need the profile's two years


@dataclass(frozen=True)
class Tolerance:
    """A value is ok within a factor of the real one, or within an absolute slack (for shares and small counts).

    An upper bound accepts everything up to the real value plus the slack.
    """

    factor: float = 1.0
    slack: float = 0.0
    is_upper_bound: bool = False

    def accepts(self, made: float, real: float) -> bool:
        """Whether `made` is near enough to `real`."""
        if self.is_upper_bound:
            return made <= real + self.slack
        return abs(made - real) <= self.slack + 1e-12 or real / self.factor <= made <= real * self.factor

    def __str__(self) -> str:
        if self.is_upper_bound:
            return "at most"
        parts = [f"x/ {self.factor:g}"] * (self.factor > 1) + [f"+- {self.slack:g}"] * (self.slack > 0)
        return " or ".join(parts)


@dataclass(frozen=True)
class Line:
    """One number of the generated data beside the real one; `tolerance` None says: for information."""

    name: str
    made: float
    real: float
    tolerance: Tolerance | None

    @property
    def verdict(self) -> str:
        """ "ok", "off", or "info" where nothing is demanded."""
        if self.tolerance is None:
            return "info"
        return "ok" if self.tolerance.accepts(self.made, self.real) else "off"


TOLERANCES = {
    "transactions": {
        "rows_per_customer": Tolerance(1.3, 1),
        "purchase_days_per_customer": Tolerance(1.3, 1),
        "rows_per_basket": Tolerance(1.3, 1),
        "days_between_purchase_days": Tolerance(1.35, 1),
        "price": Tolerance(1.3),
        "sales_channel_share": Tolerance(slack=0.03),
        "duplicate_rows_same_customer_article_day_share": Tolerance(slack=0.01),
        "rows_repeating_an_article_bought_on_an_earlier_day_share": Tolerance(slack=0.01),
        "rows_by_weekday": Tolerance(slack=0.015),
        "rows_per_day_by_month": Tolerance(slack=0.12),
    },
    "one_week": {
        "rows": Tolerance(1.4),
        "customers": Tolerance(1.3),
        "articles": Tolerance(1.6),  # fewer rows per article than H&M's 304 leave more of them unsold in a week
        "rows_per_customer": Tolerance(1.3, 1),
        "price": Tolerance(1.4),
        "share_of_rows_in_top_articles": {  # flatter than H&M's on purpose, see above
            "10": Tolerance(slack=0.02),
            "100": Tolerance(slack=0.09),
            "1000": Tolerance(slack=0.14),
            "5000": Tolerance(slack=0.12),
        },
    },
    "article_sales_span_days": Tolerance(1.45),
    "articles": {
        "distinct_product_codes": Tolerance(1.2),
        "colour_variants_per_product_quantiles": Tolerance(1.35, 1),
        "detail_desc_missing_share": Tolerance(slack=0.004),
        "unsold_share": None,
    },
    "article_codes": Tolerance(slack=0.2),
    "customers": {
        "FN_missing_share": Tolerance(slack=0.03),
        "Active_missing_share": Tolerance(slack=0.03),
        "age_missing_share": Tolerance(slack=0.005),
        "age_histogram_5y": Tolerance(slack=0.06),
        "club_member_status": Tolerance(slack=0.02),
        "fashion_news_frequency": Tolerance(slack=0.03),
        "most_common_postal_code_share": Tolerance(slack=0.02),
        "never_bought_share": Tolerance(slack=0.005),
    },
    "next_week_truth": {
        "repurchase_share_of_pairs": Tolerance(slack=0.012),
        "own_recent_12_recall@12": Tolerance(slack=0.02),
        "popular_last_week_recall@12": None,
    },
}
_NEEDS_TWO_YEARS = (
    "transactions.rows_per_customer",
    "transactions.purchase_days_per_customer",
    "transactions.days_between",
    "transactions.rows_per_day_by_month",
    "transactions.rows_repeating",
    "one_week.rows",
    "one_week.customers",
    "one_week.articles",
    "one_week.share_of_rows",
    "article_sales_span_days",
    "next_week_truth",
)


def profile_lines(raw_dir: Path) -> list[Line]:
    """Every comparison for the three CSV files in `raw_dir`, in the profile's order."""
    db = open_raw(Path(raw_dir))
    made, real = flat(measure(db)), flat(comparable_profile())
    days = number(db, "select max(day) - min(day) + 1 from sales")
    lines = []
    for name, value in made.items():
        is_too_short = days < SHORTEST_COMPARABLE_DAYS and name.startswith(_NEEDS_TWO_YEARS)
        lines.append(Line(name, value, real[name], None if is_too_short else tolerance_of(name)))
    articles = number(db, "select count(*) from articles")
    return [*lines, popularity_bound(made["next_week_truth.popular_last_week_recall@12"], articles)]


def comparable_profile() -> dict:
    """The profile in the shape of `measure`: shares of the whole, and distances, which are ideally 0."""
    profile = hm_profile()
    total, week = profile["published_totals"], profile["one_week"]
    transactions = {key: value for key, value in profile["transactions"].items() if key != "rows_by_month"}
    transactions["rows_by_weekday"] = dict(enumerate(transactions["rows_by_weekday"]))
    transactions["rows_per_day_by_month"] = relative_to_mean(rows_per_day_by_month())
    distances = dict.fromkeys(("age_histogram_5y", "club_member_status", "fashion_news_frequency"), 0.0)
    return profile | {
        "transactions": transactions,
        "one_week": week
        | {
            "rows": week["rows"] / total["transactions"],
            "customers": week["customers"] / total["customers"],
            "articles": week["articles"] / total["articles"],
        },
        "articles": profile["articles"]
        | {
            "distinct_product_codes": profile["articles"]["distinct_product_codes"] / total["articles"],
            "unsold_share": 1 - total["articles_with_transactions"] / total["articles"],
        },
        "article_codes": dict.fromkeys(profile["article_codes"], 0.0),
        "customers": profile["customers"]
        | distances
        | {"never_bought_share": 1 - total["customers_with_transactions"] / total["customers"]},
    }


def popularity_bound(recall: float, articles: float) -> Line:
    """Recall@12 of last week's bestsellers against the profile's share of sales in as large a part of the catalogue."""
    total = hm_profile()["published_totals"]["articles"]
    tops = {int(top): share for top, share in hm_profile()["one_week"]["share_of_rows_in_top_articles"].items()}
    size = LIST_LENGTH / articles * total
    bound = float(np.interp(np.log(size), np.log(list(tops)), list(tops.values())))
    return Line("popular_last_week_recall@12 in as large a part", recall, bound, Tolerance(is_upper_bound=True))


def flat(tree: dict, prefix: str = "") -> dict[str, float]:
    """{"a": {"b": 1}} -> {"a.b": 1}, numbers only."""
    leaves: dict[str, float] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            leaves |= flat(value, f"{prefix}{key}.")
        elif isinstance(value, int | float):
            leaves[f"{prefix}{key}"] = float(value)
    return leaves


def tolerance_of(name: str) -> Tolerance | None:
    """The tolerance of a line, by the longest part of its name that has one."""
    node = TOLERANCES
    for part in name.split("."):
        if not isinstance(node, dict):
            break
        node = node[part]
    return node


def table(lines: list[Line]) -> Iterator[str]:
    """The lines as text, names in the first column."""
    yield f"{'':<76} {'generated':>10} {'real':>10}  {'tolerance':<18} verdict"
    for line in lines:
        tolerance = "" if line.tolerance is None else str(line.tolerance)
        yield f"{line.name:<76} {line.made:>10.4g} {line.real:>10.4g}  {tolerance:<18} {line.verdict}"


def main(arguments: list[str] | None = None) -> int:
    """The command: print the table; 1 when a line is off."""
    parser = argparse.ArgumentParser(prog="python -m data.data_profile", description=__doc__.split("\n\n")[0])
    parser.add_argument("raw_dir", type=Path, help="folder with the three CSV files")
    lines = profile_lines(parser.parse_args(arguments).raw_dir)
    for text in table(lines):
        print(text)
    off = [line.name for line in lines if line.verdict == "off"]
    print(
        f"{len(lines) - len(off)} of {len(lines)} lines within tolerance" + (f"; off: {', '.join(off)}" if off else "")
    )
    return 1 if off else 0


if __name__ == "__main__":
    raise SystemExit(main())
