"""What the cards show of results small enough to read; how they look was checked in a browser."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from recommender.evaluation.offline_metrics import evaluate, metric_table
from recommender.evaluation.promotion import decide
from recommender.evaluation.rec_test import RecTestResult
from recommender.release import report_cards

NAN = float("nan")


def metrics_of(map_: float, coverage: float) -> dict[str, float]:
    return {
        "map@12": map_,
        "coverage": coverage,
        "customers": 8123,
        "map@12_all": map_ / 2,
        "coverage_all": coverage,
        "customers_all": 9000,
        "map@6": map_,
        "map@24_all": map_,
    }


METRICS = {
    "popular": metrics_of(0.01, 0.75),
    "two_tower": metrics_of(0.03, 0.5),
    "served": metrics_of(0.04, 0.25),
    "segment_popular": metrics_of(NAN, NAN),
    "oracle": metrics_of(0.06, 1.0),
}


def result(name: str, value: float | None, passed: bool | None) -> RecTestResult:
    return RecTestResult(name, f"What {name} measures.", "sanity", "scalar", value, 1.0, ">=", passed, {})


def trained(label: str, maps: list[float | None], best_epoch: int):
    curve = tuple(
        SimpleNamespace(epoch=number, loss=9.0 - number, validation_map=value) for number, value in enumerate(maps, 1)
    )
    return SimpleNamespace(candidate=SimpleNamespace(label=label), curve=curve, best_epoch=best_epoch)


def test_decision_is_a_heading_and_the_reason():
    refused = decide([result("better_than_popular", 0.5, passed=False)])
    passed = decide([result("better_than_popular", 2.0, passed=True)])

    assert report_cards.decision(refused) == (
        "# Refused: nothing new is published\n\n1 of 1 tests failed: better_than_popular is 0.5 (at least 1)."
    )
    assert report_cards.decision(passed) == "# Passed: this may be published\n\n1 of 1 tests passed."


def test_metric_table_is_sorted_by_map_and_stars_the_best_rival_of_each_column():
    rows, header = report_cards.metric_table(METRICS)

    assert header == ["model", "map@12", "coverage", "customers"]
    assert rows == [
        ["oracle (limit)", "0.0600", "1.0000", "8,123"],
        ["served", "0.0400 ★", "0.2500", "8,123"],
        ["two tower", "0.0300", "0.5000", "8,123"],
        ["popular", "0.0100", "0.7500 ★", "8,123"],
        ["segment popular", "–", "–", "8,123"],
    ]


def test_metric_table_of_all_customers_has_their_numbers():
    rows, header = report_cards.metric_table(METRICS, "_all")

    assert header == ["model", "map@12", "coverage", "customers"]
    assert rows[1:3] == [
        ["served", "0.0200 ★", "0.2500", "9,000"],
        ["two tower", "0.0150", "0.5000", "9,000"],
    ]


@pytest.mark.parametrize("suffix", ["", "_all"])
def test_metric_table_has_the_columns_of_the_printed_one(suffix):
    lists, no_truth = np.zeros((2, 24), np.int32), (np.array([], np.int32), np.zeros(3, np.int64))
    metrics = {"served": evaluate(lists, *no_truth, np.ones(2, dtype=bool), n_candidates=9)}
    assert {"map@6", "map@24"} <= metrics["served"].keys()

    _, header = report_cards.metric_table(metrics, suffix)
    assert header == metric_table(metrics, suffix).splitlines()[0].split()


def test_metric_table_of_no_model_is_an_error():
    with pytest.raises(ValueError, match="at least one model"):
        report_cards.metric_table({})


def test_behavior_table_says_pass_fail_or_not_enough_data():
    rows, header = report_cards.behavior_table(
        [
            result("head", 1.5, passed=True),
            result("tail", 0.83333, passed=False),
            result("cold_start", None, passed=None),
        ]
    )

    assert header == ["outcome", "test", "value", "asked for", "what it measures"]
    assert rows == [
        ["✓ pass", "head", "1.5", "at least 1", "What head measures."],
        ["✗ fail", "tail", "0.8333", "at least 1", "What tail measures."],
        ["not enough data", "cold start", "–", "at least 1", "What cold_start measures."],
    ]


def test_learning_curves_have_a_line_for_each_candidate_and_mark_the_kept_epoch():
    spec = report_cards.learning_curves([trained("base", [0.01, 0.03, 0.02], 2), trained("wide", [None, 0.04], 2)])

    points = [(row["candidate"], row["epoch"], row["map"], row["is_kept"]) for row in spec["data"]["values"]]
    assert points == [
        ("base", 1, 0.01, False),
        ("base", 2, 0.03, True),
        ("base", 3, 0.02, False),
        ("wide", 2, 0.04, True),  # its first epoch was not validated
    ]
    assert spec["encoding"]["color"]["field"] == "candidate"
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["line", "point", "point"]


def test_model_comparison_draws_rivals_as_bars_and_the_oracle_as_a_line():
    spec = report_cards.model_comparison(METRICS)

    assert spec["data"]["values"] == [
        {"model": "served", "map": 0.04},
        {"model": "two tower", "map": 0.03},
        {"model": "popular", "map": 0.01},
    ]
    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["bar", "text", "rule", "text"]
    assert spec["layer"][2]["data"]["values"] == [{"map": 0.06}]
    assert spec["layer"][3]["encoding"]["text"]["value"] == "oracle, the best there can be: 0.0600"


def test_model_comparison_sets_off_what_is_served_and_the_two_tower():
    colour = report_cards.model_comparison(METRICS)["layer"][0]["encoding"]["color"]

    tones = {each["test"]: each["value"] for each in colour["condition"]}
    assert tones == {
        "datum.model === 'served'": report_cards.BLUE,
        "datum.model === 'two tower'": report_cards.LIGHT_BLUE,
    }
    assert colour["value"] == report_cards.GREY
    assert len({*tones.values(), colour["value"]}) == 3


def test_model_comparison_without_oracle_has_no_line():
    spec = report_cards.model_comparison({"two_tower": METRICS["two_tower"]})

    assert [layer["mark"]["type"] for layer in spec["layer"]] == ["bar", "text"]


def test_charts_are_json_also_when_nothing_is_known():
    comparison = report_cards.model_comparison({"two_tower": metrics_of(NAN, NAN)})
    curves = report_cards.learning_curves([trained("base", [NAN], 1)])

    for spec in (comparison, curves):
        assert json.loads(json.dumps(spec, allow_nan=False))["data"]["values"] == []
