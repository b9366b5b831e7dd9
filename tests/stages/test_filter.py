"""Each rule bars what it should, in the order of the rules, and says so."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from recommender.config import FilterSettings
from recommender.features.catalogue import Catalogue
from recommender.stages.filter import Filtered, filter_articles

DAY = date(2020, 9, 16)
SETTINGS = FilterSettings(on_sale_days=28, is_season_checked=True)
CATALOGUE = Catalogue(np.array(["a", "b", "c", "d", "e", "f"], dtype=object))


def features_of(rows) -> pa.Table:
    """`article_features` of the day: (article id, days since the last sale, age, sales in 4 weeks, a year ago)."""
    names = ["article_id", "days_since_last_sale", "age_days", "sales_4w", "season_sales"]
    columns = [pa.array(values) for values in zip(*rows, strict=True)]
    return pa.table([pa.array([DAY] * len(rows)), *columns], ["as_of_day", *names])


def filtered_by(settings: FilterSettings, features: pa.Table) -> Filtered:
    return filter_articles(features, CATALOGUE, settings)


@pytest.fixture
def features() -> pa.Table:
    """Articles a to e have sold before the day, f has not."""
    return features_of(
        [("a", 28, 100, 1, 0), ("b", 29, 100, 0, 0), ("c", 20, 365, 0, 0), ("d", 1, 100, 5, 0), ("e", 400, 500, 0, 0)]
    )


def test_every_rule_bars_its_articles_and_is_named(features):
    """e is both off sale and out of season: the first rule is the one that is named."""
    settings = FilterSettings(28, True, denied_articles=("d", "f"))
    filtered = filtered_by(settings, features)
    assert filtered.barred_by.tolist() == ["", "off_sale", "out_of_season", "denied", "off_sale", "never_sold"]
    assert filtered.candidates.tolist() == [0]
    assert filtered.counts() == {"off_sale": 2, "out_of_season": 1, "denied": 1, "never_sold": 1}


def test_without_a_season_check_and_a_deny_list_only_what_does_not_sell_is_barred(features):
    filtered = filtered_by(FilterSettings(28, is_season_checked=False), features)
    assert filtered.barred_by.tolist() == ["", "off_sale", "", "", "off_sale", "never_sold"]
    assert filtered.candidates.tolist() == [0, 2, 3]


def test_nothing_barred_counts_nothing():
    filtered = filtered_by(SETTINGS, features_of([(article, 1, 10, 1, 0) for article in CATALOGUE.article_ids]))
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
    age_days, sales_4w, season_sales, is_barred
):
    filtered = filtered_by(SETTINGS, features_of([("a", 5, age_days, sales_4w, season_sales), ("b", 5, 10, 1, 0)]))
    assert (filtered.barred_by[0] == "out_of_season") == is_barred


def test_nothing_left_to_recommend_is_an_error(features):
    settings = FilterSettings(0, True)
    with pytest.raises(ValueError, match="no article may be recommended on 2020-09-16; the rules barred 5"):
        filtered_by(settings, features)


def test_a_denied_id_that_the_catalogue_does_not_have_bars_nothing(features):
    """It never sold, or left the shop: no night ends for it."""
    filtered = filtered_by(FilterSettings(28, True, denied_articles=("g",)), features)
    assert filtered.candidates.tolist() == [0, 3]
    assert "denied" not in filtered.counts()


def test_the_small_shop_keeps_what_sold_in_four_weeks(demo_marts, demo_windows):
    features, catalogue = demo_marts.article_features(demo_windows.test_as_of_day), demo_marts.catalogue()
    filtered = filter_articles(features, catalogue, SETTINGS)
    expected = sorted(row["article_id"] for row in features.to_pylist() if row["days_since_last_sale"] <= 28)
    assert catalogue.article_ids[filtered.candidates].tolist() == expected
