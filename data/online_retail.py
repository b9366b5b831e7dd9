"""UCI Online Retail II, two years of a British gift shop, in H&M's layout.

Stage: raw data, online-retail only. In: the shop's invoice lines (see `online_retail_source`). Out:
`articles.csv`, `customers.csv` and `transactions_train.csv`, one row per invoice line of the clean slice:
customer known, not cancelled, quantity and price above 0, a stock code that starts with five digits.

H&M has columns that this shop has not. An article's are read off its stock number, the first price it was sold at
(a later price is not known in an earlier week) and, by word lists, its description:

    product_type, product_group       the thing and its family: Lunch bag, Bags and travel
    graphical_appearance              motif, design line or style: Retrospot, Flowers, Vintage
    colour_group, perceived_colour_*  colour, how light it is, its family: Turquoise, Bright, Blue
    garment_group                     material: Glass
    index                             pieces sold as one: Set of 6 to 9
    index_group                       season or feast: Christmas, All year
    section                           price band
    department                        thousand of the stock number
    product_code                      first seven digits of the article_id, as H&M's

A customer's country stands in `postal_code`; the rest is empty.

Data: Chen, D. (2019), Online Retail II, UCI Machine Learning Repository, doi 10.24432/C5CG6D, CC BY 4.0.
"""

from __future__ import annotations

import csv
import re
import tempfile
from collections import Counter
from pathlib import Path

import duckdb

from data import online_retail_attributes as attributes
from data.online_retail_sales import notes_on_lines_left_out, refuse_unusable_sales
from data.online_retail_source import Rows, load_invoice_lines, rows_of
from data.raw_errors import RawValueError
from data.raw_layout import ARTICLES_FILE, CUSTOMERS_FILE, RAW_COLUMNS, TRANSACTIONS_FILE
from data.reading.failures import quoted

LEAST_ARTICLES_OF_A_PRODUCT_TYPE = 5

_CLEAN_SLICE = """
create temp table sales as
select * from invoice_lines
where customer_id is not null
    and not coalesce(starts_with(upper(invoice), 'C'), false)
    and quantity > 0
    and unit_price > 0
    and regexp_matches(stock_code, '^[0-9]{5}')
"""

# Ties, in the most frequent description and in the first price, go to the smaller one.
_ARTICLES = """
with descriptions as (
    select stock_code, trim(description) as description, count(*) as lines from sales group by all
),
most_frequent as (
    select stock_code, description from descriptions
    qualify row_number() over (partition by stock_code order by lines desc, description) = 1
),
first_prices as (
    select stock_code, arg_min(unit_price, (invoice_ts, unit_price)) as first_price from sales group by all
)
select article_id, coalesce(description, ''), first_price
from article_ids
join most_frequent using (stock_code)
join first_prices using (stock_code)
order by article_id
"""

_CUSTOMERS = """
with countries as (
    select customer_id, country, count(*) as lines from sales group by all
)
select
    customer_id,
    null as "FN",
    null as "Active",
    null as club_member_status,
    null as fashion_news_frequency,
    null as age,
    country as postal_code,
from countries
qualify row_number() over (partition by customer_id order by lines desc, country) = 1
order by customer_id
"""

_TRANSACTIONS = """
select
    invoice_ts::date as t_dat,
    customer_id,
    article_id,
    unit_price as price,
    2 as sales_channel_id,
from sales
join article_ids using (stock_code)
order by invoice_ts, line
"""


def write_raw_files(source: Path, folder: Path, expected: Rows | None = None) -> tuple[str, ...]:
    """Write the three raw files of the clean slice of `source` into `folder`, which exists.

    `expected` are the rows that the source should have; others are used, and said.

    Returns what is to be said of how the source was read.

    Raises `RawSourceError`, `RawFileError`, `RawColumnError` or `RawValueError` for a source that cannot be used.
    """
    with (
        duckdb.connect(config={"threads": 2, "temp_directory": ""}) as connection,
        tempfile.TemporaryDirectory(dir=folder) as scratch,
    ):
        table = load_invoice_lines(connection, source, Path(scratch))
        connection.execute(_CLEAN_SLICE)
        refuse_unusable_sales(connection, table)
        _load_article_ids(connection)
        _write_articles(connection.execute(_ARTICLES).fetchall(), folder / ARTICLES_FILE)
        for rows, file_name in ((_CUSTOMERS, CUSTOMERS_FILE), (_TRANSACTIONS, TRANSACTIONS_FILE)):
            connection.execute(f"copy ({rows}) to {quoted(folder / file_name)} (header)")
        notes = *notes_on_lines_left_out(connection), *_unexpected(connection, expected)
        return (*table.said(), *(f"{table.name}: {note}" for note in notes))


def _unexpected(connection: duckdb.DuckDBPyConnection, expected: Rows | None) -> tuple[str, ...]:
    found = rows_of(connection)
    if expected in (None, found):
        return ()
    difference = f"the file has {found.lines:,}" if found.lines != expected.lines else "they differ in content"
    return (f"these are not the {expected.lines:,} rows that UCI published in 2019: {difference}",)


def article_id(stock_code: str) -> str:
    """Ten digits: 0, the five digits of the stock code, and two digits for each of up to two suffix letters.

    A letter's digits are its position: 01-26 for A-Z, 27-52 for a-z, 00 for no letter. So `85048` becomes
    `0850480000` and `79323P` becomes `0793231600`; no two codes share an id.

    Raises `RawValueError` for a code of another form.
    """
    match = re.fullmatch(r"([0-9]{5})([A-Za-z]{0,2})", stock_code)
    if match is None:
        raise RawValueError(
            f"stock code {stock_code!r} has no article_id, which holds five digits and up to two letters A-Z or "
            "a-z; correct the code, or leave out its lines."
        )
    number, letters = match.groups()
    return ("0" + number + "".join(f"{_position(letter):02d}" for letter in letters)).ljust(10, "0")


def _position(letter: str) -> int:
    return ord(letter) - ord("A") + 1 if letter.isupper() else ord(letter) - ord("a") + 27


def _load_article_ids(connection: duckdb.DuckDBPyConnection) -> None:
    codes = [code for (code,) in connection.execute("select distinct stock_code from sales").fetchall()]
    connection.execute(
        """create temp table article_ids as
        select unnest(?::varchar[]) as stock_code, unnest(?::varchar[]) as article_id""",
        [codes, [article_id(code) for code in codes]],
    )


def _write_articles(articles: list[tuple[str, str, float]], path: Path) -> None:
    """Write articles.csv from (article_id, description, first price in pounds)."""
    type_names = _product_types([description for _, description, _ in articles])
    type_numbers = {name: number for number, name in enumerate(sorted(set(type_names)), start=1)}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, RAW_COLUMNS[ARTICLES_FILE], lineterminator="\n")
        writer.writeheader()
        for article, type_name in zip(articles, type_names, strict=True):
            product_type = {"product_type_no": type_numbers[type_name], "product_type_name": type_name}
            writer.writerow(_attributes(*article) | product_type)


# Of each attribute that a description tells: its column, the column of its number, the rule, and the values in order.
_DESCRIBED = (
    (
        "graphical_appearance_name",
        "graphical_appearance_no",
        attributes.graphical_appearance,
        attributes.GRAPHICAL_APPEARANCES,
    ),
    ("colour_group_name", "colour_group_code", attributes.colour_group, attributes.COLOUR_GROUPS),
    (
        "perceived_colour_value_name",
        "perceived_colour_value_id",
        attributes.perceived_colour_value,
        attributes.PERCEIVED_COLOUR_VALUES,
    ),
    (
        "perceived_colour_master_name",
        "perceived_colour_master_id",
        attributes.perceived_colour_master,
        attributes.PERCEIVED_COLOUR_MASTERS,
    ),
    ("index_name", "index_code", attributes.pack, attributes.PACKS),
    ("index_group_name", "index_group_no", attributes.occasion, attributes.OCCASIONS),
    ("garment_group_name", "garment_group_no", attributes.material, attributes.MATERIALS),
)


def _attributes(article_id: str, description: str, first_price: float) -> dict[str, object]:
    """A row of articles.csv but for its product type, which depends on the other articles."""
    thousand = article_id[1:3]
    band = attributes.price_band(first_price)
    row = {
        "article_id": article_id,
        "product_code": article_id[:7],
        "prod_name": description,
        "product_group_name": attributes.product_group(description),
        "department_no": thousand,
        "department_name": f"Stock numbers {thousand}000 to {thousand}999",
        "section_no": _number(band, attributes.PRICE_BANDS),
        "section_name": band,
        "detail_desc": description,
    }
    for column, number_column, value_of, values in _DESCRIBED:
        row[column] = value_of(description)
        row[number_column] = _number(row[column], values)
    return row


def _number(name: str, names: tuple[str, ...]) -> int:
    """1 for the first of `names`, 0 for unknown."""
    return names.index(name) + 1 if name in names else 0


def _product_types(descriptions: list[str]) -> list[str]:
    """The product type of each description; types of fewer than five articles are `Other`."""
    names = [attributes.product_type(description) for description in descriptions]
    articles_of = Counter(names)
    return [name if articles_of[name] >= LEAST_ARTICLES_OF_A_PRODUCT_TYPE else "Other" for name in names]
