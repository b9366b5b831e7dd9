"""What is remembered of files is what is in them, counted here by hand, and no id."""

import json
from datetime import timedelta

import pytest
from tiny_raw_files import JEANS, LAST_DAY, SHIRT, replace_in_line, write_csv, write_raw_files

from data.arrivals import measuring
from data.arrivals.measuring import first_newest_day, measure_files
from data.arrivals.profile import FilesProfile
from data.raw_layout import CUSTOMERS_FILE, RAW_COLUMNS, TRANSACTIONS_FILE
from data.raw_schema import check_raw_files

DAY_BEFORE = LAST_DAY - timedelta(days=1)


def measured(raw_dir) -> FilesProfile:
    summary = check_raw_files(raw_dir)
    return measure_files(raw_dir, summary.rows_by_day, summary.columns)


def with_purchases(raw_dir, *rows):
    """Good files with further purchases."""
    write_raw_files(raw_dir)
    with (raw_dir / TRANSACTIONS_FILE).open("a") as file:
        file.writelines(f"{row}\n" for row in rows)
    return raw_dir


def test_a_day_is_counted_in_all_its_ways(tmp_path):
    # The tiny shop sold bob's jeans on the last day, for 0.0254 online.
    found = measured(
        with_purchases(
            tmp_path,
            f"{LAST_DAY},ann,{SHIRT},0.0508,1",
            f"{LAST_DAY},ann,{SHIRT},0.0508,1",
            f"{LAST_DAY},cat,{JEANS},0.0254,2",
        )
    )
    day = found.days[LAST_DAY]
    assert (day.rows, day.customers, day.articles, day.channels) == (4, 3, 2, {"1": 2, "2": 2})
    assert (day.different_rows, day.even_rows) == (3, 1)
    assert day.prices[1] == 0.0254
    # The shirt costs twice what it did on all other days, the jeans as much: the median of 2 and 1, on a scale of logs.
    assert (day.price_level, day.compared_articles) == (pytest.approx(2**0.5), 2)
    assert found.days[DAY_BEFORE].rows == found.rows_by_day[DAY_BEFORE] == 1


def test_files_ids_and_categories_are_counted(tmp_path):
    found = measured(write_raw_files(tmp_path))
    assert (found.articles, found.customers, len(found.rows_by_day)) == (2, 3, 28)
    assert (found.first_day, found.last_day) == (LAST_DAY - timedelta(days=27), LAST_DAY)
    assert found.id_formats == {"article_id": {"10 digits with a leading zero": 2}, "customer_id": {"3 characters": 3}}
    assert found.categories["articles.csv"]["department_name"] == {"some": 2}
    assert found.categories[CUSTOMERS_FILE]["age"] == {"24.0": 3}
    assert {name: file.columns for name, file in found.files.items()} == RAW_COLUMNS
    assert found.files[CUSTOMERS_FILE].bytes == (tmp_path / CUSTOMERS_FILE).stat().st_size


@pytest.mark.parametrize(
    ("ids", "form"),
    [
        (("12", "34", "56"), "2 digits"),
        (("012", "034", "056"), "3 digits with a leading zero"),
        (("a1", "b2", "c3"), "2 hexadecimal digits"),
        (("x-1", "x-2", "x-3"), "3 characters"),
    ],
)
def test_a_format_is_how_an_id_is_written(tmp_path, ids, form):
    write_raw_files(tmp_path)
    for name in (CUSTOMERS_FILE, TRANSACTIONS_FILE):
        header, *lines = (tmp_path / name).read_text().splitlines()
        for old, new in zip(("ann", "bob", "cat"), ids, strict=True):
            lines = [line.replace(old, new) for line in lines]
        (tmp_path / name).write_text("\n".join([header, *lines]) + "\n")
    assert measured(tmp_path).id_formats["customer_id"] == {form: 3}


def test_an_empty_value_is_a_value_of_its_own(tmp_path):
    write_raw_files(tmp_path)
    replace_in_line(tmp_path / CUSTOMERS_FILE, 2, "24.0", "")
    assert measured(tmp_path).categories[CUSTOMERS_FILE]["age"] == {"": 1, "24.0": 2}


def test_a_column_of_many_values_is_no_category(tmp_path, monkeypatch):
    monkeypatch.setattr(measuring, "MOST_VALUES", 2)
    write_raw_files(tmp_path)
    customers = [[name, "1.0", "", "ACTIVE", "NONE", "24.0", name] for name in ("ann", "bob", "cat")]
    write_csv(tmp_path / CUSTOMERS_FILE, customers)
    assert "postal_code" not in measured(tmp_path).categories[CUSTOMERS_FILE]
    assert measured(tmp_path).categories[CUSTOMERS_FILE]["age"] == {"24.0": 3}


def test_further_columns_of_the_users_are_known(tmp_path):
    write_raw_files(tmp_path)
    path = tmp_path / CUSTOMERS_FILE
    path.write_text("\n".join(f"{line},x" for line in path.read_text().splitlines()) + "\n")
    replace_in_line(path, 1, ",x", ",shoe_size")
    assert measured(tmp_path).files[CUSTOMERS_FILE].columns == (*RAW_COLUMNS[CUSTOMERS_FILE], "shoe_size")


def test_a_free_article_has_no_price_to_compare(tmp_path):
    found = measured(with_purchases(tmp_path, f"{LAST_DAY},ann,{SHIRT},0,1"))
    assert (found.days[LAST_DAY].price_level, found.days[LAST_DAY].compared_articles) == (pytest.approx(1.0), 1)


def test_as_many_days_are_looked_at_as_fit_into_memory(monkeypatch):
    rows = {LAST_DAY - timedelta(days=n): 100 for n in range(90)}
    assert first_newest_day(rows) == LAST_DAY - timedelta(days=59)
    monkeypatch.setattr(measuring, "MOST_NEWEST_ROWS", 1_000)
    assert first_newest_day(rows) == LAST_DAY - timedelta(days=9)
    assert first_newest_day({LAST_DAY: 2_000}) == LAST_DAY


def test_no_id_is_remembered(tmp_path):
    text = json.dumps(measured(write_raw_files(tmp_path)).as_dict())
    assert [each for each in ("ann", "bob", "cat", SHIRT, JEANS) if f'"{each}"' in text] == []
