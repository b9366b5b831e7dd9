"""What the marts hand out, on the tiny shop: which rows, what is kept of them, and what is said of those not built."""

import pickle
import shutil
import subprocess
import sys
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny_shop import BELT, CUTOFF, DRESS, JEANS, NEVER_SOLD, SHIRT, TEST_DAY, TRAINING_DAY

from recommender.features import marts as marts_module
from recommender.features.catalogue import Catalogue
from recommender.features.mart_files import MartMissing
from recommender.features.marts import MART_KEYS, MOST_KEPT, Marts

ANN, BOB, CAT = range(3)
LATER = CUTOFF.replace(year=2021)


@pytest.fixture
def marts(shop) -> Marts:
    """The tiny shop's, with nothing read yet."""
    return Marts(shop.marts.folder)


class ReadFiles(list):
    """Names of marts, and beside them the as-of days of the files."""

    def __init__(self):
        super().__init__()
        self.days = []


@pytest.fixture
def reads(monkeypatch) -> ReadFiles:
    """The marts whose files are read from now on, and of which day; once for each file."""
    names, read_table = ReadFiles(), marts_module.pq.read_table

    def read(path, **options):
        in_days = path.parent.name in MART_KEYS
        names.append(path.parent.name if in_days else path.stem)
        names.days.append(path.stem if in_days else None)
        return read_table(path, **options)

    monkeypatch.setattr(marts_module.pq, "read_table", read)
    return names


def test_only_the_columns_and_days_asked_for_are_read(marts, reads):
    table = marts.table("next_week_purchases", ["article_id"], [TEST_DAY, TRAINING_DAY])
    assert table.column_names == ["article_id"]
    assert table.num_rows == 4  # two targets in each of the two weeks
    assert reads.days == [f"{TRAINING_DAY}", f"{TEST_DAY}"]


def test_a_day_without_rows_has_no_file_and_none_of_the_rows(marts):
    assert marts.table("next_week_purchases", as_of_days=[CUTOFF]).num_rows == 0
    assert f"{CUTOFF}.parquet" not in {each.name for each in (marts.folder / "next_week_purchases").iterdir()}
    assert marts.table("next_week_purchases").num_rows > 4  # of all days


def test_a_mart_that_does_not_exist_is_an_error_that_names_those_that_do(marts):
    for ask in (marts.table, marts.path_of):
        with pytest.raises(MartMissing, match="no mart 'sales'; choose one of articles, customers"):
            ask("sales")


def test_a_mart_that_was_not_built_is_an_error(tmp_path):
    for ask in (Marts(tmp_path).articles, Marts(tmp_path).customer_ids, lambda: Marts(tmp_path).path_of("articles")):
        with pytest.raises(MartMissing, match=r"\.parquet is missing; `make run` builds the marts"):
            ask()


def test_a_day_that_was_not_built_is_an_error(marts):
    with pytest.raises(MartMissing, match="article_features has no row for 2021-03-01; build the marts for that day"):
        marts.article_features(LATER)
    with pytest.raises(MartMissing, match="customer_features has no row for 2021-03-01"):
        marts.customer_features(LATER, ["segment"])


def test_a_day_without_sales_targets_or_own_articles_is_none(marts):
    assert marts.segment_sales(LATER).num_rows == 0
    assert [rows.num_rows for rows in marts.own_articles(LATER)] in ([], [0])
    assert marts.bought_in_week(CUTOFF).num_rows == 0


def test_each_table_has_the_rows_of_its_day_alone(marts):
    for ask in (marts.article_features, marts.segment_sales, marts.bought_in_week):
        assert set(ask(TEST_DAY)["as_of_day"].to_pylist()) == {TEST_DAY}
    for block in (*marts.own_articles(TEST_DAY), *marts.customer_blocks(TEST_DAY, ["segment"])):
        assert set(block["as_of_day"].to_pylist()) == {TEST_DAY}
    assert marts.article_features(TEST_DAY)["article_id"].to_pylist() == [SHIRT, JEANS, DRESS]
    assert marts.article_features(CUTOFF)["article_id"].to_pylist() == [SHIRT, JEANS, DRESS, BELT]


def test_customers_come_in_the_order_asked_for(marts):
    everybody = marts.customer_features(CUTOFF, ["segment"])
    assert everybody.to_pydict() == {
        "as_of_day": [CUTOFF] * 3,
        "customer_code": [ANN, BOB, CAT],
        "segment": ["20-24 / online", "20-24 / store", "unknown / any channel"],
    }
    some = marts.customer_features(CUTOFF, ["purchase_days"], np.array([CAT, ANN]))
    assert some["customer_code"].to_pylist() == [CAT, ANN]
    assert some["purchase_days"].to_pylist() == [0, 5]


def test_blocks_of_customers_are_ascending_and_as_small_as_asked_for(marts, monkeypatch):
    monkeypatch.setattr(marts_module, "ROWS_PER_BLOCK", 2)
    for asked, expected in ((None, [ANN, BOB, CAT]), (np.array([CAT, ANN]), [ANN, CAT])):
        blocks = list(marts.customer_blocks(CUTOFF, [], asked))
        assert pa.concat_tables(blocks)["customer_code"].to_pylist() == expected
        assert {block.num_rows for block in blocks} <= {1, 2}


def test_a_customer_without_a_row_on_the_day_is_an_error(marts):
    """Bob bought nothing in the training week."""
    with pytest.raises(MartMissing, match=f"customer_features has no row for customer bob on {TRAINING_DAY}"):
        marts.customer_features(TRAINING_DAY, ["segment"], np.array([ANN, BOB]))
    with pytest.raises(MartMissing, match=f"customer_features has no row for customer bob on {TRAINING_DAY}"):
        list(marts.customer_blocks(TRAINING_DAY, [], np.array([ANN, BOB])))


def test_articles_are_those_of_the_file_or_of_a_catalogue_in_its_order(marts):
    assert marts.articles()["article_id"].to_pylist() == [SHIRT, JEANS, DRESS, BELT, NEVER_SOLD]
    assert marts.catalogue().article_ids.tolist() == [SHIRT, JEANS, DRESS, BELT]
    turned = Catalogue(np.array([DRESS, SHIRT], dtype=object))
    assert marts.articles_in_order(turned)["article_id"].to_pylist() == [DRESS, SHIRT]


def test_purchases_are_integers_over_everybody_and_the_catalogue(marts):
    assert marts.customer_ids().tolist() == ["ann", "bob", "cat"]
    bought = marts.interactions(marts.catalogue())
    assert bought.customer_ids.tolist() == ["ann", "bob", "cat"]
    assert bought.customers.tolist() == [ANN, ANN, ANN, BOB, ANN, ANN, BOB, BOB]
    assert bought.articles.tolist() == [0, 1, 0, 0, 2, 3, 1, 1]  # shirt, jeans, dress, belt


def test_purchases_in_a_week_are_those_of_its_seven_days_by_day(marts):
    """The belt of the first day and the jeans of the last two, not the dress of the day before."""
    assert marts.purchases_in_week(TEST_DAY).to_pydict() == {
        "customer_code": [ANN, BOB, BOB],
        "article_id": [BELT, JEANS, JEANS],
        "purchase_day": [date(2020, 2, 23), date(2020, 2, 28), date(2020, 2, 29)],
    }
    assert marts.purchases_in_week(CUTOFF).num_rows == 0


def test_tables_of_articles_are_read_once_and_those_of_customers_and_purchases_every_time(marts, reads):
    for _ in range(2):
        for ask in (marts.article_features, marts.segment_sales, marts.bought_in_week):
            ask(CUTOFF)
        marts.articles(), marts.articles_in_order(marts.catalogue()), marts.customer_ids()
        marts.customer_features(CUTOFF, ["segment"])
        marts.interactions(Catalogue.of(pa.chunked_array([[SHIRT, JEANS, DRESS, BELT]])))
    once = {"articles", "segment_sales"}
    assert {name for name in reads if reads.count(name) == 1} == once
    assert reads.count("article_features") == 1 + 2  # of the day, and for each of the two catalogues
    assert reads.count("customer_features") == reads.count("purchases") == 2


def test_no_more_than_the_latest_tables_are_kept(marts, reads):
    days = [CUTOFF.replace(year=year) for year in range(2001, 2001 + MOST_KEPT + 1)]
    for day in (*days, days[-1], days[0]):
        marts.segment_sales(day)
    assert len(reads) == len(days) + 1  # the last is still there, the first is not


def test_marts_travel_as_the_name_of_their_folder(marts, reads, shop, tmp_path):
    """As an artifact of a run, or to another process: without a table, whatever was read before."""
    fresh = pickle.dumps(marts)
    marts.articles()
    assert pickle.dumps(marts) == fresh
    assert len(fresh) < 1_000
    again = pickle.loads(fresh)
    assert again == marts
    assert again.articles().equals(marts.articles())
    assert reads == ["articles", "articles"]
    elsewhere = Marts(shutil.copytree(shop.marts.folder, tmp_path / "elsewhere"))
    assert elsewhere != marts


def test_reading_marts_needs_nothing_that_builds_or_encodes_them():
    code = "import recommender.features.marts, sys; print('\\n'.join(sys.modules))"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"duckdb", "dbt", "nvtabular", "merlin", "torch"} & set(modules)


@pytest.fixture
def earlier(shop, tmp_path) -> Marts:
    """The same marts as an earlier release left them: customers by their ids."""
    customers = shop.marts.table("customers").drop_columns("customer_code")
    for name in MART_KEYS:
        rows = customers if name == "customers" else shop.marts.table(name)
        if "customer_code" in rows.column_names:
            place = rows.column_names.index("customer_code")
            rows = rows.set_column(place, "customer_id", customers["customer_id"].take(rows["customer_code"]))
        pq.write_table(rows, tmp_path / f"{name}.parquet")
    return Marts(tmp_path)


def test_marts_of_an_earlier_release_read_as_those_of_today(marts, earlier):
    assert earlier.customer_ids().tolist() == marts.customer_ids().tolist()
    for name in MART_KEYS.keys() - {"customers"}:
        assert earlier.table(name).to_pydict() == marts.table(name).to_pydict(), name
    for ask in ("bought_in_week", "purchases_in_week"):
        assert getattr(earlier, ask)(TEST_DAY).to_pydict() == getattr(marts, ask)(TEST_DAY).to_pydict(), ask
    owned = [pa.concat_tables(each.own_articles(CUTOFF)) for each in (earlier, marts)]
    assert owned[0].to_pydict() == owned[1].to_pydict() and owned[0].num_rows == 6
    blocks = [pa.concat_tables(each.customer_blocks(CUTOFF, ["age_band"])) for each in (earlier, marts)]
    assert blocks[0].to_pydict() == blocks[1].to_pydict()
    asked = CUTOFF, ["segment"], np.array([CAT, ANN])
    assert earlier.customer_features(*asked).to_pydict() == marts.customer_features(*asked).to_pydict()
    bought, expected = (each.interactions(marts.catalogue()) for each in (earlier, marts))
    assert (bought.customers == expected.customers).all()
    assert earlier.table("purchases", ["quantity"]).column_names == ["quantity"]
