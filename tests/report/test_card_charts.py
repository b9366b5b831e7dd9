"""What the charts draw of results small enough to read; how they look was checked in a browser."""

import json

import numpy as np
import planted_run
import pytest
from planted_run import HAT, NAN, NEW, SWEATER, candidate, metrics_of, slice_row

from recommender.report import card_charts, card_style, list_charts

REPORT = planted_run.report()
METRICS = REPORT["metrics"]
INTERVALS = REPORT["quality"]["map"]


def marks(spec: dict) -> list[str]:
    return [layer["mark"]["type"] for layer in spec["layer"]]


def test_learning_curves_have_a_line_for_each_candidate_and_mark_the_kept_epoch():
    spec = card_charts.learning_curves(REPORT["candidates"])

    points = [(row["candidate"], row["epoch"], row["map"], row["is_kept"]) for row in spec["data"]["values"]]
    assert points == [
        ("base-seed7", 1, 0.01, False),
        ("base-seed7", 2, 0.03, True),
        ("base-seed7", 3, 0.02, False),
        ("wide-seed7", 2, 0.02, True),  # its first epoch was not validated
    ]
    assert spec["encoding"]["color"]["field"] == "candidate"
    assert marks(spec) == ["line", "point", "point"]


def test_model_comparison_draws_rivals_as_bars_and_the_oracle_as_a_line():
    spec = card_charts.model_comparison(METRICS)

    assert [(row["model"], row["map"]) for row in spec["data"]["values"]] == [
        ("served", 0.04),
        ("two tower", 0.03),
        ("popular", 0.01),
    ]
    assert marks(spec) == ["bar", "text", "rule", "text"]
    assert spec["layer"][2]["data"]["values"] == [{"map": 0.06}]
    assert spec["layer"][3]["encoding"]["text"]["value"] == "oracle, the best there can be: 0.0600"


def test_model_comparison_draws_intervals_where_there_are_any():
    spec = card_charts.model_comparison(METRICS | {"ease": metrics_of(0.02, 0.1)}, INTERVALS)

    bounds = {row["model"]: (row["low"], row["high"]) for row in spec["data"]["values"]}
    assert bounds["served"] == (0.04 - 0.01, 0.04 + 0.01)
    assert bounds["ease"] == (0.02, 0.02)
    assert marks(spec) == ["bar", "rule", "rule", "text", "rule", "text"]


def test_model_comparison_sets_off_what_is_served_and_the_two_tower():
    colour = card_charts.model_comparison(METRICS)["layer"][0]["encoding"]["color"]

    tones = {each["test"]: each["value"] for each in colour["condition"]}
    assert tones == {
        "datum.model === 'served'": card_style.BLUE,
        "datum.model === 'two tower'": card_style.LIGHT_BLUE,
    }
    assert colour["value"] == card_style.GREY
    assert len({*tones.values(), colour["value"]}) == 3


def test_model_comparison_without_oracle_has_no_line():
    assert marks(card_charts.model_comparison({"two_tower": METRICS["two_tower"]})) == ["bar", "text"]


def test_slices_are_bars_with_intervals_customers_and_lines_for_everybody():
    rows = [slice_row("cold", 1052, 0.02, 0.01, 0.03), slice_row("1", 1, 0.5, NAN, NAN), slice_row("2", 0, *[NAN] * 3)]
    spec = card_charts.slice_chart("By activity", rows, "map@2", {"served": 0.04, "popular": None})

    assert spec["data"]["values"] == [
        {"slice": "cold  (1,052)", "value": 0.02, "low": 0.01, "high": 0.03},
        {"slice": "1  (1)", "value": 0.5, "low": 0.5, "high": 0.5},  # one customer has no interval
        {"slice": "2  (0)", "value": None, "low": None, "high": None},
    ]
    assert marks(spec) == ["bar", "rule", "rule", "rule", "text", "text"]
    assert spec["layer"][4]["encoding"]["text"]["value"] == "served: 0.0400"


def test_a_line_near_the_right_edge_has_its_name_to_the_left():
    spec = card_charts.slice_chart("By activity", [slice_row("cold", 9, 0.5, 0.4, 0.6)], "map@2", {"a": 0.1, "b": 0.5})

    names = [layer["mark"] for layer in spec["layer"] if layer["mark"].get("baseline") == "bottom"]
    assert [name["align"] for name in names] == ["left", "right"]


def test_slices_of_differences_reach_below_zero():
    row = {"slice": "x", "customers": 9, "map_gain": -0.1, "map_gain_low": -0.2, "map_gain_high": 0.0}
    spec = card_charts.slice_chart("Gain", [row], "map_gain")

    begin, end = spec["encoding"]["x"]["scale"]["domain"]
    assert begin < -0.2 and end > 0


def test_costs_are_drawn_in_the_order_of_the_run():
    seconds, memory = (draw(REPORT["steps"]) for draw in (card_charts.step_seconds, card_charts.step_memory))

    assert seconds["data"]["values"] == [{"step": "start", "cost": 5.1}, {"step": "train base-seed7", "cost": 9.0}]
    assert [row["cost"] for row in memory["data"]["values"]] == [512 / 1024, 1024 / 1024]  # GiB


def test_scores_of_hits_and_misses_are_shares_of_their_own():
    scores = np.array([0.0, 0.0, 1.0, 1.0, np.nan], np.float32)
    spec = list_charts.score_distribution(scores, np.array([False, False, False, True, True]))

    shares = {}
    for row in spec["data"]["values"]:
        shares.setdefault(row["outcome"], []).append(row["share"])
    assert [shares[list_charts.BOUGHT][place] for place in (0, -1)] == [0, 1]
    assert [shares[list_charts.NOT_BOUGHT][place] for place in (0, -1)] == pytest.approx([2 / 3, 1 / 3], abs=1e-5)
    assert spec["title"]["subtitle"] == "1 of 4 recommendations were bought in the week"


def test_popularity_is_shares_by_rank_among_the_bestsellers():
    counts = {"served": {SWEATER: 3, HAT: 1}, "bought": {NEW: 1}}
    sales = {SWEATER: 3, **{f"bestseller {number:02}": 9 for number in range(12)}, HAT: 2}

    assert list_charts.popularity_shares(counts, sales) == [
        {"source": "served", "band": "13–50", "share": 4 / 4},  # twelve sold more
        {"source": "served", "band": "no sale then", "share": 0 / 4},
        {"source": "bought", "band": "13–50", "share": 0 / 1},
        {"source": "bought", "band": "no sale then", "share": 1 / 1},
    ]


def test_charts_are_json_also_when_nothing_is_known():
    unknown = {"two_tower": metrics_of(NAN, NAN), "oracle": metrics_of(NAN, NAN)}
    empty = [
        card_charts.model_comparison(unknown, {"two_tower": planted_run.interval(NAN, NAN)}),
        card_charts.learning_curves([candidate("base", [NAN], 1)]),
        card_charts.slice_chart("By nothing", [], "map@2"),
        card_charts.step_seconds({}),
        list_charts.score_distribution(np.array([]), np.array([], bool)),
        list_charts.popularity_chart({"served": {}, "bought": {}}, {}),
    ]
    for spec in empty:
        assert json.loads(json.dumps(spec, allow_nan=False))["data"]["values"] == []
