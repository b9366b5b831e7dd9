"""What a run's card holds, part by part, of a planted run of three customers."""

import planted_run
import pytest
from planted_results import result
from planted_run import HAT, SCRIPT, SWEATER

from benchmarks.planted_week import planted_week
from recommender import config
from recommender.evaluation.behavioral_check import run_tests
from recommender.json_values import without_nan
from recommender.report import report_cards
from recommender.report.week_at_a_glance import read_week

REPORT = planted_run.report()


@pytest.fixture(scope="module")
def week(tmp_path_factory):
    """The planted test week."""
    folder = tmp_path_factory.mktemp("week")
    lists, marts = planted_run.write_lists(folder / "lists.parquet"), planted_run.write_marts(folder / "marts")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("LOG_CUSTOMER_IDS", "clear")
        return read_week(lists, marts, REPORT["windows"]["test"], k=2)


def titles(report: dict, week=None) -> list[str]:
    return [part.title for part in report_cards.sections(report, week)]


def test_a_card_tells_quality_first_and_cost_last(week):
    assert titles(REPORT, week) == [
        "How good it is",
        "What was tested",
        "For whom",
        "What is shown",
        "A few customers",
        "Customer 1",
        "Customer 2",
        "Customer 3",
        "How the two-towers learned",
        "What it cost",
    ]


def test_what_is_not_known_has_no_section():
    bare = planted_run.report(quality=None, behavioral_tests=[planted_run.behavior("head", None, None)], steps={})

    assert titles(bare) == ["How good it is", "What was tested", "How the two-towers learned"]


def test_slices_of_the_report_and_of_tests_have_a_chart_and_a_table_each():
    (part,) = (part for part in report_cards.sections(REPORT, None) if part.title == "For whom")

    captions = ["MAP@2 by activity", "Recall by popularity", "Recall by age"]
    assert [spec["title"]["text"] for spec in part.charts.values()] == captions
    assert [named.caption for named in part.tables] == captions


def test_map_by_one_dimension_is_shown_once_whoever_measured_it():
    row = {"dimension": "activity", "slice": "cold", "customers": 9, "map": 0.1, "map_low": 0.0, "map_high": 0.2}
    report = planted_run.report(behavioral_tests=[planted_run.behavior("again", 1.5, True, slices=[row])])

    (part,) = (part for part in report_cards.sections(report, None) if part.title == "For whom")
    assert [named.caption for named in part.tables] == ["MAP@2 by activity"]


@pytest.mark.parametrize(("key", "shown"), [("who", "ann"), ("customer", "not shown")])
def test_the_furthest_misses_are_told_with_names(key, shown):
    """A report of an earlier release has ids in clear, under another key: they stay out of a page drawn now."""
    misses = [{key: "ann", "nearness": 0.1, "recommended": ["0 Bib", "1 Vest"], "bought": ["2 Coat"]}]
    test = planted_run.behavior("misses_nearer_than_popular", 0.07, True, furthest_misses=misses)
    parts = report_cards.sections(planted_run.report(behavioral_tests=[test]), None)
    (part,) = (part for part in parts if part.title == "What was tested")
    (table,) = (named.table for named in part.tables if named.caption == "The furthest misses")
    assert table[0] == [[shown, "0 Bib, 1 Vest", "2 Coat"]]


def test_what_the_shipped_suite_reports_can_be_told():
    settings = config.Settings.of(config.read_toml(config.DEFAULT_FILE.read_text()), "demo")
    results = run_tests(planted_week(n_customers=400, n_articles=400), settings.behavioral_tests)
    report = without_nan(planted_run.report(behavioral_tests=[each.as_dict() for each in results]))
    (part,) = (part for part in report_cards.sections(report, None) if part.title == "What was tested")
    assert sum(len(named.table[0]) for named in part.tables if "on the test week" in named.caption) == len(results)
    assert [len(named.table[0]) for named in part.tables if named.caption == "The furthest misses"] == [10]


def test_a_refused_run_has_no_gate_table():
    refused = planted_run.report(publication_tests=[], published=None, verdict="refused")
    (part,) = (part for part in report_cards.sections(refused, None) if part.title == "What was tested")

    assert [named.caption for named in part.tables] == [
        "Behavioral tests on the test week: rules",
        "Behavioral tests on the test week: comparisons",
    ]


def test_tests_stand_by_suite_and_kind_with_the_weeks_before_where_they_were_tested():
    change = result("a_usual_week", 1, True, kind="change").as_dict()
    with_weeks = planted_run.report(week_tests=[change])
    (part,) = (part for part in report_cards.sections(with_weeks, None) if part.title == "What was tested")

    assert [(named.caption, [row[1] for row in named.table[0]]) for named in part.tables] == [
        ("Behavioral tests on the test week: rules", ["no duplicates"]),
        ("Behavioral tests on the test week: comparisons", ["head", "bought found", "prices"]),
        ("The test week beside the weeks before: changes", ["a usual week"]),
        ("Publication gate on tonight's lists: rules", ["finite scores"]),
    ]


def test_a_report_of_a_release_without_kinds_is_told_in_one_table_a_suite():
    earlier = planted_run.report(behavioral_tests=[planted_run.behavior_of_earlier_release("tail", 0.5, False)])
    (part,) = (part for part in report_cards.sections(earlier, None) if part.title == "What was tested")

    assert part.tables[0].caption == "Behavioral tests on the test week: tests"
    assert part.tables[0].table[0] == [["✗ fail", "tail", "0.5", "at least 1", "refuses", "What tail measures."]]


def test_a_customer_has_the_list_with_hits_marked_and_the_purchases(week):
    place = [each.name for each in week.customers].index("anna")
    (part,) = (part for part in report_cards.sections(REPORT, week) if part.title == f"Customer {place + 1}")

    listed, before, in_week = (named.table[0] for named in part.tables)
    assert part.level == 3
    assert part.text == "1 of 2 recommendations were bought. Customer: anna"
    assert listed == [
        ["1", SWEATER, "Winnie sweater", "2.0000", "✓ bought"],
        ["2", SCRIPT, "<script>alert(1)</script>", "1.0000", ""],
    ]
    assert before == [["2020-09-10", SWEATER, "Winnie sweater"]]
    assert in_week == [["2020-09-17", SWEATER, "Winnie sweater"], ["2020-09-17", HAT, "Mika hat"]]


def test_the_prediction_panel_has_a_row_for_each_purchase_and_recommendation(week):
    rows, header = report_cards.prediction_panel(week.customers)

    assert header == ["customer", "what", "day or rank", "article_id", "product", "score", "bought in the week"]
    assert [row for row in rows if row[0] == "anna"] == [
        ["anna", "bought before", "2020-09-10", SWEATER, "Winnie sweater", "", ""],
        ["anna", "recommended", "1", SWEATER, "Winnie sweater", "2.0000", "yes"],
        ["anna", "recommended", "2", SCRIPT, "<script>alert(1)</script>", "1.0000", "no"],
    ]
    assert len(rows) == 1 + 2 + 0 + 3 * 2  # purchases before the week of Anna, Bert and Cleo, lists of two
