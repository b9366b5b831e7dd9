"""What the three raw files must look like: H&M's column names, and the rule of each column that is relied on.

Stage: raw data. The layout is that of the Kaggle competition "H&M Personalized Fashion Recommendations".
"""

from __future__ import annotations

from dataclasses import dataclass

from data.raw_errors import RawDataError, RawReferenceError, RawValueError

ARTICLES_FILE = "articles.csv"
CUSTOMERS_FILE = "customers.csv"
TRANSACTIONS_FILE = "transactions_train.csv"

RAW_COLUMNS = {
    ARTICLES_FILE: (
        "article_id",
        "product_code",
        "prod_name",
        "product_type_no",
        "product_type_name",
        "product_group_name",
        "graphical_appearance_no",
        "graphical_appearance_name",
        "colour_group_code",
        "colour_group_name",
        "perceived_colour_value_id",
        "perceived_colour_value_name",
        "perceived_colour_master_id",
        "perceived_colour_master_name",
        "department_no",
        "department_name",
        "index_code",
        "index_name",
        "index_group_no",
        "index_group_name",
        "section_no",
        "section_name",
        "garment_group_no",
        "garment_group_name",
        "detail_desc",
    ),
    CUSTOMERS_FILE: (
        "customer_id",
        "FN",
        "Active",
        "club_member_status",
        "fashion_news_frequency",
        "age",
        "postal_code",
    ),
    TRANSACTIONS_FILE: ("t_dat", "customer_id", "article_id", "price", "sales_channel_id"),
}


@dataclass(frozen=True)
class RowRule:
    """One rule of one column.

    `is_broken` is SQL over a row of the file, which has besides its columns `record` (1 for the first row
    below the header); in the transactions also `article_record` and `customer_record`, null if unknown.
    """

    column: str
    is_broken: str
    problem: str
    remedy: str
    error: type[RawDataError] = RawValueError


MOST_CUSTOMER_ID_CHARACTERS = 128
"""As many as the API takes."""

MOST_PRICE = 999_999_999
"""A price is kept in 9 digits before the point."""


def _article_id_rules(is_considered: str = "true") -> tuple[RowRule, ...]:
    """The second speaks of a lost zero where one may have been lost."""
    is_id = "regexp_full_match(coalesce(article_id, ''), '0[0-9]{9}') and article_id <> '0000000000'"
    lost_a_zero = "coalesce(regexp_full_match(article_id, '[1-9][0-9]{8}([.]0)?'), false)"
    return (
        RowRule(
            "article_id",
            f"{is_considered} and not ({is_id}) and not {lost_a_zero}",
            "is not 10 digits with a leading zero that are not all 0",
            "Give every article such a number, such as 0108775015, and use it in its purchases, too",
        ),
        RowRule(
            "article_id",
            f"{is_considered} and {lost_a_zero}",
            "is not 10 digits with a leading zero",
            "A reader that guesses integers drops the zero; write article_id as text, such as 0108775015",
        ),
    )


def _key_rule(table: str, column: str) -> RowRule:
    return RowRule(
        column,
        f"record not in (select min(record) from {table} group by {column})",
        "stands in an earlier row too, but must be unique",
        f"Keep one row per {column}",
        RawReferenceError,
    )


def _reference_rule(column: str, parent_record: str, parent_file: str) -> RowRule:
    return RowRule(
        column,
        f"{parent_record} is null",
        f"is not in {parent_file}",
        f"Add its row to {parent_file} or leave out its purchases",
        RawReferenceError,
    )


ROW_RULES = {
    ARTICLES_FILE: (
        *_article_id_rules(),
        _key_rule("articles", "article_id"),
    ),
    CUSTOMERS_FILE: (
        RowRule("customer_id", "customer_id is null", "is not an id", "Give every customer one"),
        RowRule(
            "customer_id",
            f"length(customer_id) > {MOST_CUSTOMER_ID_CHARACTERS}",
            f"is an id of more than {MOST_CUSTOMER_ID_CHARACTERS} characters",
            "Give the customer a shorter one, and use it in the purchases, too",
        ),
        RowRule(
            "customer_id",
            r"regexp_matches(customer_id, '\p{Cc}|^[\s\p{Z}\x{feff}]|[\s\p{Z}\x{feff}]$|^[.][.]?$')",
            "is not an id that anyone can ask for",
            "Write ids without line breaks, other control characters and spaces around them, and not only dots",
        ),
        RowRule(
            "customer_id",
            "regexp_full_match(customer_id, '[0-9]+[.]0+')",
            "is a number that some program has given decimals",
            "Write ids as text or as whole numbers, such as 17850, here and in the purchases",
        ),
        _key_rule("customers", "customer_id"),
        RowRule(
            "age",
            "not (age is null or coalesce(try_cast(age as double) between 10 and 120, false)) or contains(age, '_')",
            "is not an age from 10 to 120",
            "Correct it, or leave it empty where it is not known",
        ),
    ),
    TRANSACTIONS_FILE: (
        RowRule(
            "t_dat",
            "not (coalesce(t_dat, '') like '____-__-__' and coalesce(try_cast(t_dat as date) >= '0001-01-01', false))",
            "is not a date",
            "Write the day of the purchase as YYYY-MM-DD, such as 2020-09-22",
        ),
        *_article_id_rules("article_record is null"),
        _reference_rule("article_id", "article_record", ARTICLES_FILE),
        _reference_rule("customer_id", "customer_record", CUSTOMERS_FILE),
        RowRule(
            "price",
            f"not coalesce(try_cast(price as double) between 0 and {MOST_PRICE} and not contains(price, '_'), false)",
            "is not a price",
            f"Write a number from 0 to {MOST_PRICE:,} with a decimal point, such as 0.0254",
        ),
        RowRule(
            "sales_channel_id",
            "coalesce(sales_channel_id, '') not in ('1', '2')",
            "is not a sales channel",
            "Write 1 for a store or 2 for online",
        ),
    ),
}
