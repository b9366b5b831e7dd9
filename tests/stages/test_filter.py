"""Each rule bars what it should, in the order of the rules, and says so."""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from recommender.config import FilterSettings
from recommender.features.catalogue import Catalogue
from recommender.stages.filter import filter_articles

DAY, ANOTHER_DAY = date(2020, 9, 16), date(2020, 9, 9)
SETTINGS = FilterSettings(on_sale_days=28, is_season_checked=True)
CATALOGUE = Catalogue(np.array(["a", "b", "c", "d", "e", "f"], dtype=object))


def write_marts(folder, rows):
    """Write `article_features` of (day, article id, days since the last sale, age, sales in 4 weeks, a year ago).

    `articles` has those of the catalogue and g, which never sold at all.
    """
    names = ["as_of_day", "article_id", "days_since_last_sale", "age_days", "sales_4w", "season_sales"]
    columns = [pa.array(values) for values in zip(*rows, strict=True)]
    pyarrow.parquet.write_table(pa.table(columns, names), folder / "article_features.parquet")
    pyarrow.parquet.write_table(pa.table({"article_id": [*CATALOGUE.article_ids, "g"]}), folder / "articles.parquet")
    return folder


@pytest.fixture
def marts_dir(tmp_path):
    """Articles a to e have sold before the day, f has not; the day before's numbers are others."""
    rows = [
        (DAY, "a", 28, 100, 1, 0),
        (DAY, "b", 29, 100, 0, 0),
        (DAY, "c", 20, 365, 0, 0),
        (DAY, "d", 1, 100, 5, 0),
        (DAY, "e", 400, 500, 0, 0),
        (ANOTHER_DAY, "b", 1, 93, 7, 7),
        (ANOTHER_DAY, "f", 1, 93, 7, 7),
    ]
    return write_marts(tmp_path, rows)


def test_every_rule_bars_its_articles_and_is_named(marts_dir):
    """e is both off sale and out of season: the first rule is the one that is named."""
    settings = FilterSettings(28, True, denied_articles=("d", "f"))
    filtered = filter_articles(marts_dir, DAY, CATALOGUE, settings)
    assert filtered.barred_by.tolist() == ["", "off_sale", "out_of_season", "denied", "off_sale", "never_sold"]
    assert filtered.candidates.tolist() == [0]
    assert filtered.counts() == {"off_sale": 2, "out_of_season": 1, "denied": 1, "never_sold": 1}


def test_without_a_season_check_and_a_deny_list_only_what_does_not_sell_is_barred(marts_dir):
    filtered = filter_articles(marts_dir, DAY, CATALOGUE, FilterSettings(28, is_season_checked=False))
    assert filtered.barred_by.tolist() == ["", "off_sale", "", "", "off_sale", "never_sold"]
    assert filtered.candidates.tolist() == [0, 2, 3]


def test_nothing_barred_counts_nothing(tmp_path):
    write_marts(tmp_path, [(DAY, article, 1, 10, 1, 0) for article in CATALOGUE.article_ids])
    filtered = filter_articles(tmp_path, DAY, CATALOGUE, SETTINGS)
    assert filtered.counts() == {}
    assert filtered.candidates.tolist() == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("age_days", "sales_4w", "season_sales", "is_barred"),
    [
        (365, 0, 0, True),
        (364, 0, 0, False),  # not known for a year: nobody can say what season it is of
        (365, 1, 0, False),
        (365, 0, 1, False),
        (365, 1, 1, False),
        (30, 0, 0, False),
        (5000, 0, 0, True),
    ],
)
def test_an_article_known_for_a_year_must_have_sold_lately_or_in_the_season(
    tmp_path, age_days, sales_4w, season_sales, is_barred
):
    write_marts(tmp_path, [(DAY, "a", 5, age_days, sales_4w, season_sales), (DAY, "b", 5, 10, 1, 0)])
    filtered = filter_articles(tmp_path, DAY, CATALOGUE, SETTINGS)
    assert (filtered.barred_by[0] == "out_of_season") == is_barred


def test_nothing_left_to_recommend_is_an_error(marts_dir):
    settings = FilterSettings(0, True)
    with pytest.raises(ValueError, match="no article may be recommended on 2020-09-16; the rules barred 5"):
        filter_articles(marts_dir, DAY, CATALOGUE, settings)


def test_a_day_that_the_marts_lack_is_an_error(marts_dir):
    with pytest.raises(ValueError, match="2020-09-23"):
        filter_articles(marts_dir, date(2020, 9, 23), CATALOGUE, SETTINGS)


def test_a_denied_id_that_no_article_has_is_an_error(marts_dir):
    """An id that lost its leading zeros would otherwise be denied in the settings and recommended in the shop."""
    with pytest.raises(ValueError, match="denied_articles names 'zzz', which articles.csv does not have"):
        filter_articles(marts_dir, DAY, CATALOGUE, FilterSettings(28, True, denied_articles=("d", "zzz")))


def test_an_article_may_be_denied_before_it_ever_sold(marts_dir):
    filtered = filter_articles(marts_dir, DAY, CATALOGUE, FilterSettings(28, True, denied_articles=("g",)))
    assert filtered.candidates.tolist() == [0, 3]
    assert "denied" not in filtered.counts()


def test_the_small_shop_keeps_what_sold_in_four_weeks(demo_marts_dir, demo_windows):
    from recommender.features.model_inputs import read_catalogue
    from recommender.features.warehouse import read_mart

    day, catalogue = demo_windows.test_as_of_day, read_catalogue(demo_marts_dir)
    filtered = filter_articles(demo_marts_dir, day, catalogue, SETTINGS)
    sold = read_mart(demo_marts_dir, "article_features", as_of_days=[day]).to_pylist()
    expected = sorted(row["article_id"] for row in sold if row["days_since_last_sale"] <= 28)
    assert catalogue.article_ids[filtered.candidates].tolist() == expected
