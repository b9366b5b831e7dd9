"""Good raw files are summarised; each kind of broken one ends in one error that says what, where and what to do."""

from datetime import date, timedelta

import pytest
from tiny_raw_files import JEANS, LAST_DAY, SHIRT, replace_in_line, write_raw_files

from data.raw_errors import (
    RawColumnError,
    RawFileError,
    RawPeriodError,
    RawReferenceError,
    RawSourceError,
    RawValueError,
)
from data.raw_layout import RAW_COLUMNS
from data.raw_period import MINIMUM_DAYS
from data.raw_schema import check_raw_files


@pytest.fixture
def raw_dir(tmp_path):
    return write_raw_files(tmp_path / "raw")


def append(path, text):
    with path.open("a") as file:
        file.write(text)


def test_good_files_are_counted(raw_dir):
    summary = check_raw_files(raw_dir)

    assert (summary.articles, summary.customers, summary.transactions) == (2, 3, 28)
    assert (summary.first_day, summary.last_day) == (date(2020, 8, 26), date(2020, 9, 22))
    assert summary.cutoff == date(2020, 9, 23)
    assert summary.raw_dir == raw_dir


def test_summary_is_printed_with_its_warnings(raw_dir):
    lines = str(check_raw_files(raw_dir)).splitlines()

    assert lines[1].split() == ["articles", "2"]
    assert lines[4].strip() == "purchases from 2020-08-26 to 2020-09-22, cutoff 2020-09-23"
    assert lines[5:] == ["  odd: 1 of 3 customers have no purchase, 33.3%"]


def test_what_is_merely_odd_is_a_warning(raw_dir):
    replace_in_line(raw_dir / "customers.csv", 2, "24.0", "")
    replace_in_line(raw_dir / "articles.csv", 2, ",0108775,", ",108775,")
    append(raw_dir / "articles.csv", "0999999001,0999999" + ",some" * 23 + "\n")
    transactions = raw_dir / "transactions_train.csv"
    replace_in_line(transactions, 3, "0.0254", "0")
    replace_in_line(transactions, 5, "2020-08-29", "2020-08-28")  # day 4 joins day 3: bob's jeans beside ann's shirt
    append(transactions, f"2020-09-22,bob,{JEANS},0.0254,2\n")  # as in the last line already

    assert check_raw_files(raw_dir, cutoff=date(2020, 9, 23)).warnings == (
        "1 of 3 customers have no purchase, 33.3%",
        "1 of 3 customers have no age, 33.3%",
        "1 of 3 articles were never bought, 33.3%",
        "1 of 3 articles have a product_code other than article_id[:7], 33.3%",
        "1 of 29 purchases have a price of 0, 3.4%",
        "1 of 29 purchases repeat an article of the same customer and day, 3.4%",
        "1 of 28 days have no purchase, 3.6%",
    )


def test_purchases_from_the_cutoff_on_are_reported_as_left_out(tmp_path):
    raw_dir = write_raw_files(tmp_path, days=30)

    warnings = check_raw_files(raw_dir, cutoff=LAST_DAY - timedelta(days=1)).warnings

    assert "2 of 30 purchases are on or after the cutoff and left out, 6.7%" in warnings


BROKEN_VALUES = {
    "article id without its zero": (
        ("articles.csv", 3, JEANS, JEANS[1:], RawValueError),
        "articles.csv, line 3, column article_id: '108775044' is not 10 digits with a leading zero (1 such row). "
        "A reader that guesses integers drops the zero; write article_id as text, such as 0108775015.",
    ),
    "article id of letters": (
        ("articles.csv", 2, SHIRT, "0shirt1234", RawValueError),
        "articles.csv, line 2, column article_id: '0shirt1234' is not 10 digits",
    ),
    "article twice": (
        ("articles.csv", 3, JEANS, SHIRT, RawReferenceError),
        f"articles.csv, line 3, column article_id: '{SHIRT}' stands in an earlier row too, but must be unique "
        "(1 such row). Keep one row per article_id.",
    ),
    "customer twice": (
        ("customers.csv", 4, "cat", "ann", RawReferenceError),
        "customers.csv, line 4, column customer_id: 'ann' stands in an earlier row too",
    ),
    "customer without id": (
        ("customers.csv", 2, "ann", "", RawValueError),
        "customers.csv, line 2, column customer_id: an empty value is not an id",
    ),
    "age that is no number": (
        ("customers.csv", 3, "24.0", "old", RawValueError),
        "customers.csv, line 3, column age: 'old' is not an age from 10 to 120",
    ),
    "age of a baby": (("customers.csv", 3, "24.0", "9", RawValueError), "column age: '9' is not an age"),
    "age that is not finite": (("customers.csv", 3, "24.0", "nan", RawValueError), "column age: 'nan' is not an age"),
    "date that is no date": (
        ("transactions_train.csv", 7, "2020-08-31", "2020-02-30", RawValueError),
        "transactions_train.csv, line 7, column t_dat: '2020-02-30' is not a date (1 such row). "
        "Write the day of the purchase as YYYY-MM-DD, such as 2020-09-22.",
    ),
    "date in another order": (
        ("transactions_train.csv", 7, "2020-08-31", "31.08.2020", RawValueError),
        "column t_dat: '31.08.2020' is not a date",
    ),
    "date with slashes": (
        ("transactions_train.csv", 7, "2020-08-31", "2020/08/31", RawValueError),
        "column t_dat: '2020/08/31' is not a date",
    ),
    "no date": (
        ("transactions_train.csv", 7, "2020-08-31", "", RawValueError),
        "line 7, column t_dat: an empty value is not a date",
    ),
    "purchase of an article id without its zero": (
        ("transactions_train.csv", 2, SHIRT, SHIRT[1:], RawValueError),
        "transactions_train.csv, line 2, column article_id: '108775015' is not 10 digits with a leading zero",
    ),
    "purchase of an unknown article": (
        ("transactions_train.csv", 4, SHIRT, "0999999001", RawReferenceError),
        "transactions_train.csv, line 4, column article_id: '0999999001' is not in articles.csv (1 such row). "
        "Add its row to articles.csv or leave out its purchases.",
    ),
    "purchase by an unknown customer": (
        ("transactions_train.csv", 29, "bob", "eve", RawReferenceError),
        "transactions_train.csv, line 29, column customer_id: 'eve' is not in customers.csv",
    ),
    "purchase by nobody": (
        ("transactions_train.csv", 29, "bob", "", RawReferenceError),
        "line 29, column customer_id: an empty value is not in customers.csv",
    ),
    "negative price": (
        ("transactions_train.csv", 5, "0.0254", "-0.0254", RawValueError),
        "transactions_train.csv, line 5, column price: '-0.0254' is not a price",
    ),
    "price that is no number": (
        ("transactions_train.csv", 5, "0.0254", "free", RawValueError),
        "column price: 'free' is not a price",
    ),
    "price that is not finite": (
        ("transactions_train.csv", 5, "0.0254", "inf", RawValueError),
        "column price: 'inf' is not a price",
    ),
    "no price": (
        ("transactions_train.csv", 5, "0.0254", "", RawValueError),
        "column price: an empty value is not a price",
    ),
    "unknown sales channel": (
        ("transactions_train.csv", 6, "0.0254,2", "0.0254,3", RawValueError),
        "transactions_train.csv, line 6, column sales_channel_id: '3' is not a sales channel",
    ),
}


@pytest.mark.parametrize(("change", "message"), BROKEN_VALUES.values(), ids=BROKEN_VALUES.keys())
def test_broken_value_is_refused_with_its_line(raw_dir, change, message):
    file_name, line, old, new, error = change
    replace_in_line(raw_dir / file_name, line, old, new)

    with pytest.raises(error) as raised:
        check_raw_files(raw_dir)

    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_first_of_many_broken_rows_is_named_with_their_number(raw_dir):
    path = raw_dir / "transactions_train.csv"
    path.write_text(path.read_text().replace(SHIRT, SHIRT[1:]))  # ann's, on each odd one of the 28 days

    with pytest.raises(RawValueError, match=r"line 2, column article_id: '108775015' .* \(the first of 14 such rows\)"):
        check_raw_files(raw_dir)


@pytest.mark.parametrize("file_name", RAW_COLUMNS)
def test_missing_file_is_named(raw_dir, file_name):
    (raw_dir / file_name).unlink()

    with pytest.raises(RawSourceError, match=f"{file_name} does not exist; put the file there"):
        check_raw_files(raw_dir)


@pytest.mark.parametrize("file_name", RAW_COLUMNS)
def test_empty_file_is_refused(raw_dir, file_name):
    (raw_dir / file_name).write_text("")

    with pytest.raises(RawFileError, match=f"^{file_name} is empty, 0 bytes; bring the whole file"):
        check_raw_files(raw_dir)


@pytest.mark.parametrize("file_name", RAW_COLUMNS)
def test_file_with_only_a_header_is_refused(raw_dir, file_name):
    (raw_dir / file_name).write_text(",".join(RAW_COLUMNS[file_name]) + "\n")

    with pytest.raises(RawFileError, match=f"^{file_name} has a header but no rows"):
        check_raw_files(raw_dir)


@pytest.mark.parametrize(
    ("file_name", "column"), [(name, column) for name, columns in RAW_COLUMNS.items() for column in columns]
)
def test_missing_column_is_named_beside_the_header_found(raw_dir, file_name, column):
    others = [name for name in RAW_COLUMNS[file_name] if name != column]
    (raw_dir / file_name).write_text(",".join(others) + "\n")

    with pytest.raises(RawColumnError) as raised:
        check_raw_files(raw_dir)

    assert str(raised.value).startswith(f"{file_name}, line 1: column {column} is missing; name every column once")
    assert str(raised.value).endswith(f"Found: {','.join(others)}")


def test_repeated_column_is_refused(raw_dir):
    replace_in_line(raw_dir / "customers.csv", 1, "FN", "age")

    with pytest.raises(RawColumnError, match="column FN is missing"):
        check_raw_files(raw_dir)

    replace_in_line(raw_dir / "customers.csv", 1, "customer_id,age", "customer_id,FN,age")
    with pytest.raises(RawColumnError, match="column age is repeated"):
        check_raw_files(raw_dir)


def test_further_columns_in_any_order_are_allowed(raw_dir):
    path = raw_dir / "transactions_train.csv"
    header, *rows = [line.split(",") for line in path.read_text().splitlines()]
    path.write_text("\n".join(",".join(["note", *row[::-1]]) for row in [header, *rows]))

    assert check_raw_files(raw_dir).transactions == 28


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
@pytest.mark.parametrize("byte_order_mark", [b"", b"\xef\xbb\xbf"])
def test_files_saved_on_windows_are_read(raw_dir, line_end, byte_order_mark):
    for name in RAW_COLUMNS:
        text = (raw_dir / name).read_text().replace("\n", line_end)
        (raw_dir / name).write_bytes(byte_order_mark + text.encode())

    assert check_raw_files(raw_dir).transactions == 28


def test_quoted_text_over_several_lines_is_one_row_but_counts_its_lines(raw_dir):
    path = raw_dir / "articles.csv"
    replace_in_line(path, 2, "A text, with", "A text,\n\nof three lines, with")  # lines 2 to 4
    append(path, f"{JEANS[1:]},0108775" + ",some" * 23 + "\n")  # row 3, line 6

    with pytest.raises(RawValueError, match="articles.csv, line 6, column article_id: '108775044'"):
        check_raw_files(raw_dir)


MALFORMED_LINES = {
    "too few fields": (f"2020-09-22,ann,{SHIRT},0.0254\n", "has fewer fields than the header"),
    "too many fields": (f"2020-09-22,ann,{SHIRT},0,0254,2\n", "has more fields than the header"),
    "open quote": (f'2020-09-22,"ann,{SHIRT},0.0254,2\n', "has a quote that is not closed"),
}


@pytest.mark.parametrize(("line", "problem"), MALFORMED_LINES.values(), ids=MALFORMED_LINES.keys())
def test_malformed_line_is_refused_with_its_number(raw_dir, line, problem):
    append(raw_dir / "transactions_train.csv", line)

    with pytest.raises(RawFileError) as raised:
        check_raw_files(raw_dir)

    assert str(raised.value).startswith(f"transactions_train.csv, line 30: {line.strip()!r} {problem}")


@pytest.mark.parametrize("file_name", RAW_COLUMNS)
def test_file_that_is_not_utf8_is_refused_where_later_steps_read_it_as_it_lies(raw_dir, file_name):
    path = raw_dir / file_name
    last_field = {"articles.csv": b"comma", "customers.csv": b"0a1b", "transactions_train.csv": b"0.0254"}[file_name]
    path.write_bytes(path.read_bytes().replace(last_field, "é".encode("latin-1"), 1))

    with pytest.raises(RawFileError, match=rf"^{file_name} .*Windows-1252, not UTF-8; line 2 has 'é'.*RAW_DIR"):
        check_raw_files(raw_dir)


def test_four_weeks_are_enough_and_a_day_less_is_not(tmp_path):
    assert check_raw_files(write_raw_files(tmp_path / "enough", days=MINIMUM_DAYS)).transactions == 28

    with pytest.raises(RawPeriodError) as raised:
        check_raw_files(write_raw_files(tmp_path / "short", days=MINIMUM_DAYS - 1))

    assert str(raised.value) == (
        "there are 27 days from the first purchase, 2020-08-27, to the cutoff, 2020-09-23: too few. A run needs 28: a "
        "test week, a validation week, a week to learn from and its history; bring purchases of at least 28 days."
    )


def test_fewer_than_two_weeks_are_called_so(tmp_path):
    with pytest.raises(RawPeriodError, match="there are 13 days .*: fewer than two weeks of data. A run needs 28"):
        check_raw_files(write_raw_files(tmp_path, days=13))


@pytest.mark.parametrize(
    ("cutoff", "message"),
    [
        (
            date(2021, 1, 1),
            "cutoff 2021-01-01 is after the day following the last purchase, 2020-09-23; "
            "choose a cutoff from 2020-09-21 to 2020-09-23.",
        ),
        (
            date(2020, 8, 24),
            "cutoff 2020-08-24 is not after the first purchase, 2020-08-24; "
            "choose a cutoff from 2020-09-21 to 2020-09-23.",
        ),
        (
            date(2020, 9, 6),
            "there are 13 days from the first purchase, 2020-08-24, to the cutoff, 2020-09-06: fewer than two weeks "
            "of data. A run needs 28: a test week, a validation week, a week to learn from and its history; "
            "choose a cutoff from 2020-09-21 to 2020-09-23.",
        ),
    ],
)
def test_cutoff_outside_the_data_is_refused_with_the_possible_ones(tmp_path, cutoff, message):
    raw_dir = write_raw_files(tmp_path, days=30)

    with pytest.raises(RawPeriodError) as raised:
        check_raw_files(raw_dir, cutoff)

    assert str(raised.value) == message


@pytest.mark.parametrize(("week", "days_after_the_gap"), [("test", 0), ("validation", 7)])
def test_evaluation_week_without_purchases_is_refused(tmp_path, week, days_after_the_gap):
    raw_dir = write_raw_files(tmp_path, days=42)
    path = raw_dir / "transactions_train.csv"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:29] + lines[36:]))  # without days 29 to 35
    day_36 = LAST_DAY - timedelta(days=42 - 36)

    with pytest.raises(RawPeriodError, match=f"nothing was bought in the {week} week, 2020-09-09 to 2020-09-15"):
        check_raw_files(raw_dir, cutoff=day_36 + timedelta(days=days_after_the_gap))
