"""What is read of a planted test week: scores with hits, counts, and named customers."""

import planted_run
import pytest
from planted_run import HAT, NEW, SCRIPT, SWEATER

from recommender.features.mart_files import MartMissing
from recommender.features.marts import Marts
from recommender.report import week_at_a_glance
from recommender.report.week_at_a_glance import read_week

WINDOW = {"start": "2020-09-16", "end": "2020-09-22"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Lists and marts of the planted run, in a folder whose name needs quoting."""
    folder = tmp_path_factory.mktemp("o'brien")
    return planted_run.write_lists(folder / "lists.parquet"), planted_run.write_marts(folder / "marts")


@pytest.fixture(scope="module")
def week(files):
    """The week at depth 2."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("LOG_CUSTOMER_IDS", "clear")
        return read_week(*files, WINDOW, k=2)


def test_every_served_score_knows_whether_it_was_bought(week):
    scores = sorted(zip(week.scores.tolist(), week.is_bought.tolist(), strict=True), reverse=True)

    # anna: sweater bought, script not; bert: hat bought, script not; cleo: neither
    bought = [True, True, False, False, False, False]
    assert [each for _, each in scores] == bought
    assert [score for score, _ in scores] == pytest.approx([2.0, 1.5, 1.0, 0.5, 0.3, 0.2])


def test_what_is_served_popular_and_bought_is_counted(week):
    assert week.counts == {
        "served": {SWEATER: 2, HAT: 2, SCRIPT: 2},
        "popular baseline": {SWEATER: 3, HAT: 3},
        "bought": {SWEATER: 1, HAT: 2, NEW: 1},
    }


def test_sales_are_those_of_four_weeks_before(week):
    assert week.sales == {SWEATER: 3, HAT: 2}  # nine of <script> were sold in January


def test_a_smaller_depth_reads_fewer_ranks(files):
    assert read_week(*files, WINDOW, k=1).counts["served"] == {SWEATER: 2, HAT: 1}


def test_customers_with_history_come_first_and_few_newcomers_last(week, files, monkeypatch):
    assert {each.name for each in week.customers[:2]} == {"anna", "bert"}
    assert week.customers[2].name == "cleo"
    assert week.customers[2].last_purchases == []

    monkeypatch.setattr(week_at_a_glance, "N_CUSTOMERS", 1)
    assert len(read_week(*files, WINDOW, k=2).customers) == 2


@pytest.mark.parametrize(
    ("way", "names"),
    [
        ("", {"462af23e771b967b", "482109dac4f599a8", "02c284918854d41e"}),
        ("none", {"not shown"}),
        ("clear", {"anna", "bert", "cleo"}),
    ],
)
def test_customers_are_named_as_in_the_log(files, monkeypatch, way, names):
    monkeypatch.setenv("LOG_CUSTOMER_IDS", way)
    assert {each.name for each in read_week(*files, WINDOW, k=2).customers} == names


def test_an_article_without_a_name_has_an_empty_one(files, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    marts = planted_run.write_marts(tmp_path / "marts")
    pq.write_table(pa.table({"article_id": [HAT], "product_name": ["Mika hat"]}), marts.path_of("articles"))

    names = {one.article_id: one.name for each in read_week(files[0], marts, WINDOW, k=2).customers
             for one in each.recommendations}  # fmt: skip
    assert names == {SWEATER: "", HAT: "Mika hat", SCRIPT: ""}


def test_a_missing_file_is_named(files, tmp_path):
    with pytest.raises(FileNotFoundError, match="lists.parquet is missing"):
        read_week(tmp_path / "lists.parquet", files[1], WINDOW, k=2)
    with pytest.raises(MartMissing, match="purchases.parquet is missing"):
        read_week(files[0], Marts(tmp_path), WINDOW, k=2)
