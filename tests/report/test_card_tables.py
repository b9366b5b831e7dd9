"""What the cards say in words and tables, of results small enough to read."""

import numpy as np
import planted_run
import pytest
from planted_results import result
from planted_run import candidate, slice_row

from recommender.evaluation.offline_metrics import evaluate
from recommender.evaluation.offline_metrics import metric_table as printed_table
from recommender.report import card_tables

REPORT = planted_run.report()
METRICS = REPORT["metrics"]


def test_decision_is_one_sentence_for_published_passed_and_refused():
    reason = "1 of 1 tests failed: head is 0.5 (at least 1)"
    refused = planted_run.report(verdict="refused", verdict_reason=reason, published=None)

    passed = planted_run.report(published=None)
    told = "4 of 5 tests passed; 1 warning: prices."
    assert card_tables.decision(REPORT) == f"Published: 20,000 customers have new lists; {told}"
    assert card_tables.decision(passed) == f"Passed: this may be published; {told}"
    assert card_tables.decision(refused) == f"Refused: nothing new is published; {reason}."


def test_facts_name_windows_models_and_version():
    more = {"challenge": {"reason": "no champion yet"}, "contest": {"winner": "four_stages"}}
    facts = dict(card_tables.facts(planted_run.report(**more)))

    assert facts["test window"] == "2020-09-16 to 2020-09-22"
    assert (facts["two-tower"], facts["ranker"]) == ("base-seed7", "lambdarank")
    assert (facts["lists made by"], facts["beside the champion"]) == ("four stages", "no champion yet")
    assert facts["published version"] == "20261121T1-abc"
    assert dict(card_tables.facts(planted_run.report(published=None, ranker=None)))["published version"] == "none"


def test_metric_table_is_sorted_by_map_and_stars_the_best_rival_of_each_column():
    rows, header = card_tables.metric_table(METRICS)

    assert header == ["model", "map@2", "coverage", "customers"]
    assert rows == [
        ["oracle (limit)", "0.0600", "1.0000", "8,123"],
        ["served", "0.0400 ★", "0.2500", "8,123"],
        ["two tower", "0.0300", "0.5000", "8,123"],
        ["popular", "0.0100", "0.7500 ★", "8,123"],
        ["segment popular", "–", "–", "8,123"],
    ]


def test_metric_table_has_intervals_and_what_is_served_minus_the_model():
    rows, header = card_tables.metric_table(METRICS, "", REPORT["quality"]["map"])

    assert header == ["model", "map@2", "95% interval", "served minus it", "coverage", "customers"]
    cells = {row[0]: row[2:4] for row in rows}
    assert cells["served"] == ["[0.0300, 0.0500]", ""]
    assert cells["popular"] == ["[0.0000, 0.0200]", "+0.0300 [+0.0200, +0.0400]"]
    assert cells["segment popular"] == ["–", "–"]


def test_metric_table_of_all_customers_has_their_numbers():
    rows, header = card_tables.metric_table(METRICS, "_all")

    assert header == ["model", "map@2", "coverage", "customers"]
    assert rows[1:3] == [
        ["served", "0.0200 ★", "0.2500", "9,000"],
        ["two tower", "0.0150", "0.5000", "9,000"],
    ]


@pytest.mark.parametrize("suffix", ["", "_all"])
def test_metric_table_has_the_columns_of_the_printed_one(suffix):
    lists, no_truth = np.zeros((2, 24), np.int32), (np.array([], np.int32), np.zeros(3, np.int64))
    metrics = {"served": evaluate(lists, *no_truth, np.ones(2, dtype=bool), n_candidates=9)}
    assert {"map@6", "map@24"} <= metrics["served"].keys()

    _, header = card_tables.metric_table(metrics, suffix)
    assert header == printed_table(metrics, suffix).splitlines()[0].split()


def test_metric_table_of_no_model_is_an_error():
    with pytest.raises(ValueError, match="at least one model"):
        card_tables.metric_table({})


def test_behavior_table_says_what_came_of_each_test_and_what_follows_from_a_failure():
    rows, header = card_tables.behavior_table(
        [
            result("head", 1.5, True, low=1.25, high=1.75),
            result("tail", 0.83333, False),
            result("novelty", 0.2, False, low=0.15, high=0.25, is_refusing=False),
            result("cold_start", None, None, needs={"customers": 100}, details={"customers": 6}),
        ]
    )

    assert header == ["outcome", "test", "value", "asked for", "a failure", "what it measures"]
    assert rows == [
        ["✓ pass", "head", "1.5 [1.25, 1.75]", "at least 1", "refuses", "What head measures."],
        ["✗ fail", "tail", "0.8333", "at least 1", "refuses", "What tail measures. It refuses: why tail matters."],
        [
            *("⚠ warning", "novelty", "0.2 [0.15, 0.25]", "at least 1", "warns"),
            "What novelty measures. It warns: why novelty matters.",
        ],
        [
            *("not enough data", "cold start", "6 of at least 100 customers", "at least 1", "refuses"),
            "What cold_start measures.",
        ],
    ]


def test_behavior_table_names_what_is_wrong_where_a_test_judges_many():
    jumps = ["map@12 0.1, usually 0.2 to 0.3", "recall 0.1, usually 0.3 to 0.4"]
    ((*_, told),), _ = card_tables.behavior_table([result("changes", 2, False, details={"named": jumps}, why="")])
    assert told == "What changes measures. map@12 0.1, usually 0.2 to 0.3, recall 0.1, usually 0.3 to 0.4."


def test_the_title_of_warnings_says_how_many_there_are():
    assert card_tables.warnings_title(["a", "b"]) == "2 warnings: to be looked at, and no reason to refuse"


def test_slice_table_has_customers_and_interval():
    rows, header = card_tables.slice_table(
        [slice_row("cold", 1052, 0.02, 0.01, 0.03), slice_row("1", 0, None, None, None)], "map@2"
    )

    assert header == ["slice", "customers", "map@2", "95% interval"]
    assert rows == [["cold", "1,052", "0.0200", "[0.0100, 0.0300]"], ["1", "0", "–", "–"]]


def test_candidate_table_names_how_many_articles_counted():
    base = candidate("base", [0.03], 1)
    shorter = {("validation_map@3" if name == "validation_map@12" else name): value for name, value in base.items()}
    rows, header = card_tables.candidate_table([shorter])
    assert (header[1], rows[0][1]) == ("validation MAP@3", "0.0300")


def test_candidate_table_is_sorted_and_stars_the_chosen_one():
    rows, header = card_tables.candidate_table(
        [candidate("wide", [0.02], 1), candidate("base", [0.01, 0.03], 2)], "wide-seed7"
    )

    assert header == ["candidate", "validation MAP@12", "kept epoch", "weights", "training"]
    assert rows == [
        ["base-seed7", "0.0300", "2", "12,345", "6.5 s"],
        ["wide-seed7 ★", "0.0200", "1", "12,345", "6.5 s"],
    ]
