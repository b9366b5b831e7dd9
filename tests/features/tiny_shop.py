"""A shop small enough to compute every feature by hand: three customers, five articles, one month of purchases.

The cutoff is 2020-03-01, so the as-of days are 03-01 (publishing), 02-23 (test week), 02-16 (validation week) and one
training day, 02-09. February has 29 days.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from recommender.features.marts import Marts
from recommender.features.warehouse import MartsSummary, build_marts

CUTOFF = date(2020, 3, 1)
TEST_DAY = date(2020, 2, 23)
VALIDATION_DAY = date(2020, 2, 16)
TRAINING_DAY = date(2020, 2, 9)
RANKING_WEEKS = 2
HISTORY_LENGTH = 3

SHIRT, JEANS, DRESS, BELT, NEVER_SOLD = (f"010000000{number}" for number in range(1, 6))
STORE, ONLINE = 1, 2

ARTICLE_HEADER = (
    "article_id,product_code,prod_name,product_type_no,product_type_name,product_group_name,graphical_appearance_no,"
    "graphical_appearance_name,colour_group_code,colour_group_name,perceived_colour_value_id,"
    "perceived_colour_value_name,perceived_colour_master_id,perceived_colour_master_name,department_no,"
    "department_name,index_code,index_name,index_group_no,index_group_name,section_no,section_name,garment_group_no,"
    "garment_group_name,detail_desc"
)
CUSTOMER_HEADER = "customer_id,FN,Active,club_member_status,fashion_news_frequency,age,postal_code"
TRANSACTION_HEADER = "t_dat,customer_id,article_id,price,sales_channel_id"

CUSTOMERS = [
    ("ann", "1.0", "1.0", "ACTIVE", "Regularly", "22", "0a1b"),
    ("bob", "", "", "PRE-CREATE", "None", "24.0", "0a1b"),
    ("cat", "", "", "", "", "", ""),  # nothing known, never bought anything
]

# Ann buys jeans twice on one day. She and Bob buy on as-of days: Ann on 02-09 and 02-23, Bob on 02-16. The last two
# lines lie on and after the cutoff.
PURCHASES = [
    ("2020-01-30", "ann", SHIRT, 0.10, STORE),
    ("2020-02-09", "ann", JEANS, 0.20, ONLINE),
    ("2020-02-09", "ann", JEANS, 0.40, ONLINE),
    ("2020-02-12", "ann", SHIRT, 0.10, ONLINE),
    ("2020-02-16", "bob", SHIRT, 0.30, STORE),
    ("2020-02-22", "ann", DRESS, 0.50, ONLINE),
    ("2020-02-23", "ann", BELT, 0.70, ONLINE),
    ("2020-02-28", "bob", JEANS, 0.20, STORE),
    ("2020-02-29", "bob", JEANS, 0.25, STORE),
    ("2020-03-01", "ann", SHIRT, 0.90, STORE),
    ("2020-03-02", "bob", BELT, 0.90, STORE),
]


@dataclass(frozen=True)
class BuiltShop:
    """Where a build of the shop lies, and what it said of itself."""

    root: Path
    home: Path
    raw_dir: Path
    warehouse_path: Path
    marts: Marts
    summary: MartsSummary


def article_row(article_id: str) -> list[str]:
    """Return a line of articles.csv whose attributes are their own column's name; the description is awkward."""
    known = {"article_id": article_id, "product_code": article_id[:7], "colour_group_name": ""}
    known["detail_desc"] = 'Says "hello", twice'
    return [known.get(column, column) for column in ARTICLE_HEADER.split(",")]


def write_shop(raw_dir: Path, purchases: Sequence[tuple] = PURCHASES) -> Path:
    """Write the three raw files of the shop into `raw_dir` and return it."""
    raw_dir.mkdir(parents=True)
    articles = [article_row(article_id) for article_id in (SHIRT, JEANS, DRESS, BELT, NEVER_SOLD)]
    _write_csv(raw_dir / "articles.csv", ARTICLE_HEADER, articles)
    _write_csv(raw_dir / "customers.csv", CUSTOMER_HEADER, CUSTOMERS)
    _write_csv(raw_dir / "transactions_train.csv", TRANSACTION_HEADER, purchases)
    return raw_dir


def build_shop(
    raw_dir: Path,
    warehouse_path: Path,
    marts_dir: Path,
    segment_columns: Sequence[str] = ("age_band", "channel"),
    ranking_weeks: int = RANKING_WEEKS,
) -> MartsSummary:
    """Build the marts of the shop: one training week, a ranker on every day, histories of three articles."""
    return build_marts(
        raw_dir=raw_dir,
        warehouse_path=warehouse_path,
        marts_dir=marts_dir,
        cutoff=CUTOFF,
        training_weeks=1,
        history_length=HISTORY_LENGTH,
        segment_columns=segment_columns,
        ranking_weeks=ranking_weeks,
    )


def _write_csv(path: Path, header: str, rows: Sequence[Sequence]) -> None:
    with path.open("w", newline="") as file:
        file.write(header + "\n")
        csv.writer(file, lineterminator="\n").writerows(rows)
