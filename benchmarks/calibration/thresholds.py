"""Where a threshold lies between healthy and spoiled nights, and whether it would hold for a shop it was set without.

In: judged nights of many shops. Out: for each comparison the worst healthy value, the best that its saboteurs reach by
chance, the threshold half-way between them, and what leaving one shop out would have set and decided. A test compares
the bound of an interval with its threshold, so a saboteur counts with the bound that might let it pass; a healthy night
counts with its value, because a larger shop's interval is narrower. One whose interval holds the sick reference counts
with its value, too: at no threshold will it pass, for want of data.

A test without a saboteur of its own is set half-way between the worst healthy value and the sick reference, 0; one that
asks for at most something keeps its threshold. So does one whose saboteur does better in some shop than a healthy night
in another: there other tests have to catch it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.calibration.verdicts import HEALTHY, Fate, JudgedNight, fate_of, test_made_for
from recommender.evaluation.behavioral_check import CheckResult, Kind, bounds_of, is_passed
from recommender.evaluation.result_text import describe_missing_data

MINIMUM, MAXIMUM = ">=", "<="


@dataclass(frozen=True)
class Calibrated:
    """One comparison over some shops.

    Attributes:
        test: as the settings name it.
        comparison: of its threshold.
        healthy: value of the worst healthy night.
        shop: whose night that is.
        spoiled: best bound of the nights that the test has to refuse; None where no saboteur is made for it.
        threshold: half-way between the two, or the shipped one where nothing better follows.
        shipped: threshold of the settings.
        n_judged: healthy nights with enough data.
        is_refusing: whether a failure refuses the night; otherwise it warns.
        needs: what the test needs to judge.
    """

    test: str
    comparison: str
    healthy: float
    shop: str
    spoiled: float | None
    threshold: float
    shipped: float
    n_judged: int
    is_refusing: bool
    needs: Mapping[str, int]


@dataclass(frozen=True)
class LeftOut:
    """What thresholds set without a shop decide of it.

    Attributes:
        shop: that was left out, with all its seeds.
        refused: tests that refuse a healthy night of it.
        let_through: saboteurs that no test refuses, though the test made for them has enough data.
        undecided: saboteurs that no test refuses, and the test made for them lacks data.
        caught_by_others: saboteurs that the test made for them does not refuse, but others do.
    """

    shop: str
    refused: Sequence[str]
    let_through: Sequence[str]
    undecided: Sequence[str]
    caught_by_others: Sequence[str]


def calibrate(nights: Sequence[JudgedNight]) -> list[Calibrated]:
    """Return every comparison that some healthy night had enough data for, in the order of the tests."""
    names = dict.fromkeys(name for night in nights for name in night.results)
    found = (_calibrated(name, nights) for name in names)
    return [each for each in found if each is not None]


def leave_one_out(nights: Sequence[JudgedNight]) -> Iterator[LeftOut]:
    """Yield for every shop what thresholds say of it that were set on all others."""
    for shop in dict.fromkeys(_without_seed(night.shop) for night in nights):
        others = [night for night in nights if _without_seed(night.shop) != shop]
        thresholds = {each.test: each.threshold for each in calibrate(others)}
        own = [_judged_again(night, thresholds) for night in nights if _without_seed(night.shop) == shop]
        by_fate: dict[Fate, list[str]] = {fate: [] for fate in Fate}
        for night in own:
            if night.saboteur != HEALTHY:
                by_fate[fate_of(night)].append(f"{night.saboteur} ({night.shop})")
        yield LeftOut(
            shop,
            refused=[name for night in own if night.saboteur == HEALTHY for name in night.refused_by],
            let_through=by_fate[Fate.LET_THROUGH],
            undecided=by_fate[Fate.UNDECIDED],
            caught_by_others=by_fate[Fate.CAUGHT_BY_OTHER],
        )


def _calibrated(test: str, nights: Sequence[JudgedNight]) -> Calibrated | None:
    healthy = [night for night in nights if night.saboteur == HEALTHY and _is_judged(night.results[test])]
    if not healthy or healthy[0].results[test].comparison not in (MINIMUM, MAXIMUM):
        return None
    comparison = healthy[0].results[test].comparison
    worst_of, best_of = (min, max) if comparison == MINIMUM else (max, min)
    worst = worst_of(healthy, key=lambda night: night.results[test].value)
    spoiled = [
        _nearest_to_passing(night.results[test])
        for night in nights
        if night.saboteur != HEALTHY and test_made_for(night.saboteur) == test and _is_judged(night.results[test])
    ]
    result, best = worst.results[test], best_of(spoiled, default=None)
    return Calibrated(
        test=test,
        comparison=comparison,
        healthy=result.value,
        shop=worst.shop,
        spoiled=best,
        threshold=_half_way(result, best),
        shipped=result.threshold,
        n_judged=len(healthy),
        is_refusing=result.is_refusing,
        needs=result.needs,
    )


def _half_way(healthy: CheckResult, spoiled: float | None) -> float:
    is_minimum = healthy.comparison == MINIMUM
    if spoiled is None:
        return healthy.value / 2 if is_minimum else healthy.threshold
    is_apart = spoiled < healthy.value if is_minimum else spoiled > healthy.value
    return (healthy.value + spoiled) / 2 if is_apart else healthy.threshold


def _is_judged(result: CheckResult) -> bool:
    """Whether there was enough to count, whatever the interval said of it."""
    return result.kind == Kind.COMPARISON and result.value is not None and not describe_missing_data(result)


def _nearest_to_passing(result: CheckResult) -> float:
    low, high = bounds_of(result)
    if result.sick is not None and low <= result.sick <= high:
        return result.value
    return high if result.comparison == MINIMUM else low


def _judged_again(night: JudgedNight, thresholds: dict[str, float]) -> JudgedNight:
    results = {
        name: _with_threshold(result, thresholds[name]) if name in thresholds and _is_judged(result) else result
        for name, result in night.results.items()
    }
    return replace(night, results=results)


def _with_threshold(result: CheckResult, threshold: float) -> CheckResult:
    return replace(result, threshold=threshold, passed=is_passed(result, threshold, result.comparison))


def _without_seed(shop: str) -> str:
    return shop.rpartition(" ")[0]
