"""The shipped thresholds on one small shop that is fitted here, and what calibration makes of judged nights."""

import dataclasses
import pickle
from pathlib import Path

import pytest

from benchmarks.calibration import tables
from benchmarks.calibration.collect import collect
from benchmarks.calibration.healthy_nights import simulated_nights
from benchmarks.calibration.inputs import NightInputs, read_inputs
from benchmarks.calibration.saboteurs import SABOTEURS
from benchmarks.calibration.shops import shops
from benchmarks.calibration.thresholds import Calibrated, LeftOut, calibrate, leave_one_out
from benchmarks.calibration.verdicts import HEALTHY, JudgedNight, judge, judge_all
from recommender import config
from recommender.evaluation.behavioral_check import CheckResult

SETTINGS = config.Settings.of(config.read_file(config.DEFAULT_FILE), "kaggle-hm")
SHOP = "5000 customers 11"  # of fewer, chance decides in which epoch a two-tower is best, and what can be told of it
N_NIGHTS = 20
LEAK = "behavioral_tests part_of_a_leaks_gain"


@pytest.fixture(scope="module")
def shop_folder(tmp_path_factory) -> Path:
    (shop,) = (each for each in shops(None) if each.name == SHOP)
    folder = tmp_path_factory.mktemp("calibration") / SHOP
    collect(shop, folder)
    return folder


@pytest.fixture(scope="module")
def night(shop_folder) -> NightInputs:
    return read_inputs(shop_folder)


@pytest.fixture(scope="module")
def judged(night) -> dict[str, JudgedNight]:
    return {each.saboteur: each for each in judge_all(night, SETTINGS)}


def test_a_small_healthy_shop_is_published_on_its_first_night(judged):
    assert judged[HEALTHY].refused_by == []


@pytest.mark.parametrize("saboteur", SABOTEURS)
def test_a_spoiled_night_is_refused(judged, saboteur):
    assert judged[saboteur].refused_by


def test_chance_alone_refuses_no_night_of_a_healthy_shop(night):
    assert [judge(each, SETTINGS).refused_by for each in simulated_nights(night, N_NIGHTS, seed=1)] == [[]] * N_NIGHTS


def test_simulated_nights_keep_what_belongs_to_a_customer_together(night):
    (simulated,) = simulated_nights(night, 1, seed=1)
    before, after = night.suite, simulated.suite
    rows = {name: row for row, name in enumerate(before.customer_names)}
    drawn = [rows[name] for name in after.customer_names]
    assert len(set(drawn)) < len(drawn)
    assert (after.lists == before.lists[drawn]).all()
    for row, source in enumerate(drawn):
        assert after.truth.of_row(row).tolist() == before.truth.of_row(source).tolist()
        days = after.truth_days[after.truth.offsets[row] : after.truth.offsets[row + 1]]
        assert (
            days.tolist() == before.truth_days[before.truth.offsets[source] : before.truth.offsets[source + 1]].tolist()
        )
    scored = dict(zip(before.rehearsal.rows.tolist(), before.rehearsal.earlier_likelihood_now.tolist(), strict=True))
    assert [scored[drawn[row]] for row in after.rehearsal.rows] == after.rehearsal.earlier_likelihood_now.tolist()


def test_a_shop_that_was_collected_is_not_fitted_again(shop_folder):
    (shop,) = (each for each in shops(None) if each.name == SHOP)
    assert [path.name for path in shop_folder.iterdir()] == ["inputs.pkl"]  # models went, as nobody asked to keep them
    collect(dataclasses.replace(shop, make=None), shop_folder)  # a shop that cannot even be made


def test_every_shop_can_be_made_in_another_process(tmp_path):
    there = list(shops(tmp_path / "retail.parquet", [tmp_path]))
    assert len({shop.name for shop in there}) == len(there) == 38
    assert [pickle.loads(pickle.dumps(shop)).name for shop in there] == [shop.name for shop in there]


def result(name: str, value: float, comparison: str = "<=", threshold: float = 1.0, **more) -> CheckResult:
    values = {"low": value - 0.01, "high": value + 0.01, "passed": True, "needs": {}, "details": {}, **more}
    return CheckResult(
        name=name, description="", test_type="", kind="comparison", is_refusing=True, why="why", display_type="scalar",
        value=value, threshold=threshold, comparison=comparison, **values,
    )  # fmt: skip


def planted(shop: str, healthy: float, leaked: float) -> list[JudgedNight]:
    saw = "ranker that saw the week"
    return [
        JudgedNight(shop, HEALTHY, {LEAK: result("part_of_a_leaks_gain", healthy)}),
        JudgedNight(shop, saw, {LEAK: result("part_of_a_leaks_gain", leaked, passed=False)}),
    ]


def test_a_threshold_lies_half_way_between_the_worst_healthy_and_the_best_spoiled_night():
    nights = [*planted("a 1", 1.02, 1.5), *planted("b 1", 1.06, 1.3)]
    (found,) = calibrate(nights)
    lowest = pytest.approx(1.29)  # what chance might let pass of it
    assert found == Calibrated(LEAK, "<=", 1.06, "b 1", lowest, pytest.approx(1.175), 1.0, 2, True, {})


def test_where_a_spoiled_night_does_better_than_a_healthy_one_of_another_shop_the_threshold_stays():
    (found,) = calibrate([*planted("a 1", 1.02, 1.5), *planted("b 1", 1.4, 1.3)])
    assert (found.healthy, found.spoiled, found.threshold) == (1.4, pytest.approx(1.29), found.shipped)


def test_a_shop_left_out_is_judged_by_what_the_others_set():
    nights = [*planted("a 1", 1.02, 1.5), *planted("a 2", 1.03, 1.4), *planted("b 1", 1.3, 1.35)]
    left_out = {each.shop: each for each in leave_one_out(nights)}
    assert left_out["b"].refused == [LEAK]  # (1.03 + 1.39) / 2 is 1.21, and b's healthy night is at 1.3
    assert left_out["b"].let_through == []
    assert left_out["a"].refused == []
    assert left_out["a"].let_through == []


def test_saboteurs_of_a_shop_left_out_are_told_apart_by_who_refuses_them():
    """Thresholds of the others are 1.175: one saboteur is below, one lacks data, and one is refused by another test."""
    others, saw = [*planted("a 1", 1.06, 1.3), *planted("b 1", 1.0, 1.4)], "ranker that saw the week"
    below = result("part_of_a_leaks_gain", 1.1, passed=True)
    wide = {"low": 0.5, "high": 2.5, "sick": 2.0}  # holds the sick reference and any threshold that others set
    unknown, failing = result("part_of_a_leaks_gain", 1.5, **wide), result("other", 9.0, passed=False)
    nights = [
        JudgedNight("c 1", HEALTHY, {LEAK: result("part_of_a_leaks_gain", 1.0)}),
        JudgedNight("c 1", saw, {LEAK: below}),
        JudgedNight("c 2", saw, {LEAK: unknown}),
        JudgedNight("c 3", saw, {LEAK: unknown, "behavioral_tests other": failing}),
    ]
    passing = {"behavioral_tests other": result("other", 0.5)}
    every_night = [dataclasses.replace(night, results={**passing, **night.results}) for night in [*others, *nights]]
    found = list(leave_one_out(every_night))[-1]
    assert (found.let_through, found.undecided) == ([f"{saw} (c 1)"], [f"{saw} (c 2)"])
    assert found.caught_by_others == [f"{saw} (c 3)"]


def test_a_night_without_enough_data_sets_no_threshold():
    nights = planted("a 1", 1.02, 1.5)
    too_few = {"needs": {"customers": 50}, "details": {"customers": 49}}
    nights.append(JudgedNight("b 1", HEALTHY, {LEAK: result("part_of_a_leaks_gain", 9.0, passed=None, **too_few)}))
    assert calibrate(nights)[0].healthy == 1.02


def test_a_spoiled_night_that_may_as_well_be_the_sick_reference_counts_with_its_value():
    """The shipped threshold has no say in it: what that called not enough data counts as well."""
    nights = planted("a 1", 1.02, 1.5)
    nights[1].results[LEAK] = result("part_of_a_leaks_gain", 1.5, low=0.9, high=2.1, sick=2.0, passed=None)
    assert calibrate(nights)[0].spoiled == 1.5


def test_the_table_of_saboteurs_has_a_line_for_each_shop_and_names_the_tests():
    head, _, tests, *shops = tables.saboteur_table(
        [*planted("a 1", 1.02, 1.5), *planted("b 1", 1.06, 1.3)]
    ).splitlines()
    column = [name.strip() for name in head.split("|")].index("ranker that saw the week")
    assert tests.split("|")[column].strip() == "*part_of_a_leaks_gain*"
    assert [line.split("|")[1].strip() for line in shops] == ["a 1", "b 1"]
    assert [line.split("|")[column].strip() for line in shops] == ["refused", "refused"]
    assert {cell.strip() for cell in shops[0].split("|")[2:-1]} == {"-", "refused"}


def test_the_table_of_shops_left_out_tells_what_became_of_their_saboteurs():
    left_out = LeftOut("a", [], [], ["shuffled labels (a 1)", "tower of one step (a 1)"], [])
    told = tables.left_out_table([left_out]).splitlines()[-1]
    assert told == "| a | published | - | shuffled labels (a 1), tower of one step (a 1) | - |"
