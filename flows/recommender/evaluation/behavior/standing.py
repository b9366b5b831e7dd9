"""Where a value stands between references that were made on the same shop in the same night.

0 is a sick reference, such as one list for everybody. 1 is the worst of the healthy ones, such as what was bought
before, or its neighbours. Size, catalogue, repeat share, concentration and price level move all of them alike, so that
one threshold holds for any shop: "at least a part of the way from sick to the worst healthy one".

In: a value per customer of each, or a statistic of lists. Out: a `Measurement` with its 95% interval; without a value
when no healthy reference can be told from the sick one. The interval of a ratio of two means is that of the delta
method over customers (Deng, Knoblich and Lu, KDD 2018, https://doi.org/10.1145/3219819.3219919); that of a statistic
which is no mean over customers comes from the spread of ten groups of them, by Student's t.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from recommender.evaluation.behavioral_check import Measurement
from recommender.ratios import NORMAL_QUANTILE, Interval, is_surely_positive, ratio

GROUPS = 10
STUDENTS_QUANTILE = 2.262  # of a 95% interval from the spread of ten groups


def standing_of_customers(
    values: np.ndarray,
    sick: np.ndarray,
    healthy: Mapping[str, np.ndarray],
    sick_name: str,
    quantile: float = NORMAL_QUANTILE,
) -> Measurement:
    """Return how far the mean of some values is on the way from the sick reference to the worst healthy one.

    Args:
        values: (n,) float, one per customer, NaN where undefined.
        sick: (n,) likewise.
        healthy: name to (n,) likewise; healthy is what is higher.
        sick_name: for the details.
        quantile: how sure a healthy reference has to be better than the sick one.
    """
    is_known = np.isfinite(np.stack([values, sick, *healthy.values()])).all(axis=0)
    gains = {name: (each - sick)[is_known] for name, each in healthy.items()}
    data = {"customers": int(is_known.sum())}
    details = {"model": _mean(values[is_known]), sick_name: _mean(sick[is_known])}
    details |= {name: _mean(each[is_known]) for name, each in healthy.items()}
    if (worst := _worst(gains, quantile)) is None:
        return Measurement(None, details, data)
    standing = ratio((values - sick)[is_known], gains[worst])
    return _judged(standing, details, data, worst)


def standing_of_lists(
    statistic: Callable[[np.ndarray], float],
    lists: np.ndarray,
    sick: np.ndarray,
    healthy: Mapping[str, np.ndarray],
    sick_name: str,
) -> Measurement:
    """Return the same for a statistic of all lists together, healthy where it is higher.

    Args:
        statistic: of (m, k) lists of any m customers.
        lists: (n, k) the judged ones.
        sick: (n, k) of the sick reference.
        healthy: name to (n, k) lists.
        sick_name: for the details.
    """
    everybody = {"model": lists, sick_name: sick, **healthy}
    details = {name: float(statistic(each)) for name, each in everybody.items()}
    data = {"customers": len(lists)}
    if len(lists) < GROUPS:
        return Measurement(None, details, data)
    in_groups = {
        name: np.array([statistic(each[group::GROUPS]) for group in range(GROUPS)]) for name, each in everybody.items()
    }
    better = [name for name in healthy if details[name] > details[sick_name]]  # on the whole, too
    gains = {name: in_groups[name] - in_groups[sick_name] for name in better}
    if (worst := _worst(gains, STUDENTS_QUANTILE)) is None:
        return Measurement(None, details, data)
    whole = (details["model"] - details[sick_name]) / (details[worst] - details[sick_name])
    reach = ratio(in_groups["model"] - in_groups[sick_name], gains[worst]).reach
    return _judged(Interval(whole, reach * STUDENTS_QUANTILE / NORMAL_QUANTILE), details, data, worst)


def multiple_of(
    values: Mapping[str, np.ndarray], counted: str = "customers", is_sureness_asked: bool = True
) -> Measurement:
    """Return the mean of some values as a multiple of a reference's over the same customers.

    Args:
        values: (n,) float by name, the judged ones first, then the reference's.
        counted: what each of the n is, as a test's needs name it.
        is_sureness_asked: whether the reference has to be above 0 beyond chance; otherwise above 0 is enough, for a
            test that looks for too much and not for too little.
    """
    judged, reference = values.values()
    details, data = {name: _mean(each) for name, each in values.items()}, {counted: len(judged)}
    is_measured = is_surely_positive(reference) if is_sureness_asked else len(judged) > 1 and bool(reference.any())
    if not is_measured:
        return Measurement(None, details, data)
    multiple = ratio(judged, reference)
    return Measurement(multiple.value, details, data, multiple.low, multiple.high)


def _worst(gains: Mapping[str, np.ndarray], quantile: float) -> str | None:
    """Return the healthy reference that is nearest to the sick one among those that are surely better."""
    surely_better = [name for name, gain in gains.items() if is_surely_positive(gain, quantile)]
    return min(surely_better, key=lambda name: _mean(gains[name]), default=None)


def _judged(standing: Interval, details: dict, data: dict[str, int], worst: str) -> Measurement:
    return Measurement(standing.value, {**details, "worst healthy": worst}, data, standing.low, standing.high, sick=0)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
