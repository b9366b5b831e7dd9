"""The four stages or a simple baseline: who makes the lists?

Stage: after the test week was scored, before the challenge. In: everybody's lists for the week, and the suite. Out:
`Contest`.

The four stages do, unless a baseline beats them. It has to

1. do better for the customers with earlier purchases, beyond chance: the 95% interval of the paired difference lies
   above 0. The best of the baselines is compared, so chance has a few more than the usual 2.5% of the nights;
2. beat stages that are weak, not broken: they fail nothing but the tests that ask how much is found. Stages that fail
   others are refused, for a person to look at, and what was published before stays up;
3. pass the whole suite itself, which asks for new articles and cold customers, too.

Only failures that refuse count here: stages that are merely warned of are not broken, and a baseline may win with
warnings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recommender.bootstrap import BOOTSTRAP_SEED, Interval, paired_difference
from recommender.evaluation.behavioral_check import CheckResult
from recommender.model_names import FOUR_STAGES
from recommender.ranking_metrics import mean_over_customers

MEASURES_OF_QUALITY = ("accuracy", "slices")
"""The types of test that weak lists may fail; any other failure that refuses means that something is broken."""


@dataclass(frozen=True)
class Contest:
    """Who makes the lists.

    Attributes:
        winner: `FOUR_STAGES` or the name of a baseline.
        best_baseline: the baseline with the highest MAP.
        difference: its MAP minus that of the four stages, with its 95% interval.
        reason: one sentence without its full stop; empty when no baseline did better.
    """

    winner: str
    best_baseline: str
    difference: Interval
    reason: str = ""

    @property
    def is_won_by_baseline(self) -> bool:
        """Whether a baseline makes the lists."""
        return self.winner != FOUR_STAGES

    def maker(self, two_tower: str) -> str:
        """Return the name of what made the lists: the four stages go by that of their two-tower."""
        return self.winner if self.is_won_by_baseline else two_tower

    def in_words(self) -> str:
        """Say who makes the lists, and how far the best baseline is from the four stages."""
        distance = self.difference.in_words("+.4f")
        return self.reason or f"the four stages make the lists; {self.best_baseline} minus them in MAP: {distance}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {**vars(self), "difference": self.difference._asdict()}


def hold_contest(
    four_stages: np.ndarray,
    baselines: Mapping[str, np.ndarray],
    run_suite: Callable[[str], Sequence[CheckResult]],
    minimum_customers: int,
) -> Contest:
    """Compare the four stages with the best baseline.

    Args:
        four_stages: float (n,), each customer's average precision, NaN without truth.
        baselines: name to the same of each baseline, for the same customers.
        run_suite: returns the test results of `FOUR_STAGES` or a baseline by name; asked only where they matter.
        minimum_customers: fewer are not enough data to hand the lists over.

    Raises:
        ValueError: without a baseline.
    """
    best = max(baselines, key=lambda name: mean_over_customers(baselines[name]))
    difference = paired_difference(baselines[best], four_stages, np.arange(len(four_stages)), BOOTSTRAP_SEED)
    n_judged = int(np.count_nonzero(~np.isnan(four_stages)))
    if not difference.low > 0 or n_judged < minimum_customers:
        return Contest(FOUR_STAGES, best, difference)
    better = f"{best} did better than the four stages by {difference.in_words('.4f')} of MAP"
    if broken := _failed(run_suite(FOUR_STAGES), MEASURES_OF_QUALITY):
        return Contest(FOUR_STAGES, best, difference, f"{better}, which are broken, not weak: they fail {broken}")
    if failed := _failed(run_suite(best)):
        return Contest(FOUR_STAGES, best, difference, f"{better}, but fails {failed}")
    return Contest(best, best, difference, f"{better} and makes the lists")


def _failed(results: Sequence[CheckResult], excused: Sequence[str] = ()) -> str:
    return ", ".join(each.name for each in results if each.is_refused and each.test_type not in excused)
