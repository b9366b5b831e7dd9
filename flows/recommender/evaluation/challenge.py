"""Champion against challenger: may tonight's configuration replace the one that is served?

Stage: after the test week was scored, before the verdict. In: what both score for the same customers. Out: `Challenge`.

The rule "not_worse" accepts a challenger in two cases. Its loss is shown to be below the margin: the interval of the
difference lies above minus the margin, which is the test of non-inferiority (Walker and Nowacki, Understanding
equivalence and noninferiority testing, J Gen Intern Med 26(2), 2011). Or its estimate is at least as near to equal as
to worse by the margin: few customers can never rule the margin out, and there this is the rule whose larger
error, refusing an equal or accepting one that is worse by the margin, is smallest. "better" asks for an interval above
0, and a run that is forced, with a written reason, is accepted and remembered as forced.

How often either error happens with a margin of 5%, in 4,000 resamples of the customers of two seeds of one
configuration (per-customer average precision correlates by 0.90 on the demo, 0.96 on Online Retail; normal intervals):

    customers                            200    500  1,000  2,000  5,000
    demo, equal refused                 0.27   0.16   0.08   0.02   0.00
    demo, 5% worse accepted             0.26   0.17   0.08   0.03   0.02
    Online Retail, equal refused        0.11   0.03   0.00   0.00   0.00
    Online Retail, 5% worse accepted    0.11   0.03   0.02   0.02   0.02

Non-inferiority alone would refuse 22% of the demo's equals at 1,000 customers. Refusing whatever is significantly worse
instead would accept 21% of those 5% worse there, and with many customers refuse equals, too: another seed alone moves
MAP by up to 1%.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from recommender.bootstrap import BOOTSTRAP_SEED, Interval, paired_difference
from recommender.config import PromotionSettings
from recommender.ranking_metrics import mean_over_customers

if TYPE_CHECKING:
    from recommender.evaluation.held_out_week import HeldOutWeek
    from recommender.models.ranked_lists import RankedLists

FORCED = "forced"


@dataclass(frozen=True)
class Challenge:
    """What came of a comparison.

    Attributes:
        rule: "not_worse", "better" or "forced".
        challenger_map: over the compared customers, in [0, 1]; NaN without any.
        champion_map: likewise; None when nothing was compared.
        difference: challenger minus champion with its 95% interval; None when nothing was compared.
        customers: how many were compared, or scored when there was no champion to compare with.
        accepted: None when there are not enough customers to tell.
        reason: one sentence, without its full stop.
        forced_reason: why the run was forced; empty when it was not.
    """

    rule: str
    challenger_map: float
    champion_map: float | None
    difference: Interval | None
    customers: int
    accepted: bool | None
    reason: str
    forced_reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {**vars(self), "difference": self.difference._asdict() if self.difference else None}

    def remark(self) -> str:
        """Return what a verdict has to say of it: nothing where nothing was compared and nothing forced."""
        return self.reason if self.champion_map is not None or self.rule == FORCED else ""


def compare(
    challenger: np.ndarray,
    champion: np.ndarray,
    settings: PromotionSettings,
    forced_reason: str = "",
) -> Challenge:
    """Compare two configurations on the customers of one week.

    Args:
        challenger: float (n,), each customer's average precision, NaN without truth.
        champion: the same of the champion, for the same customers.
        settings: rule, margin and how many customers it takes to tell.
        forced_reason: when not empty, the challenger is accepted in spite of the numbers.

    Raises:
        ValueError: when the two differ in shape.
    """
    difference = paired_difference(challenger, champion, np.arange(len(challenger)), BOOTSTRAP_SEED)
    is_known = ~np.isnan(challenger) & ~np.isnan(champion)
    n, maps = int(np.count_nonzero(is_known)), [mean_over_customers(each[is_known]) for each in (challenger, champion)]
    numbers = f"MAP {maps[0]:.4f} against the champion's {maps[1]:.4f}: {difference.in_words('+.4f')}"
    rule = FORCED if forced_reason else settings.rule
    if forced_reason:
        accepted, reason = True, f"forced: {forced_reason} ({numbers})"
    elif n < max(settings.minimum_customers, 1):
        accepted, reason = (
            None,
            f"not enough data for the challenge: {n:,} of at least {settings.minimum_customers:,} customers",
        )
    else:
        accepted, remark = _judge(difference, settings, maps[1])
        reason = f"{numbers}, {remark}"
    return Challenge(rule, *maps, difference, n, accepted, reason, forced_reason)


def unopposed(challenger: np.ndarray, settings: PromotionSettings, why: str, forced_reason: str = "") -> Challenge:
    """Accept tonight's configuration because there is nothing to compare it with, and say why there is not.

    Args:
        challenger: float (n,), each customer's average precision, NaN without truth.
        settings: rule and margin.
        why: in a few words, such as "no champion yet".
        forced_reason: as in `compare`.
    """
    rule, reason = (FORCED, f"forced: {forced_reason} ({why})") if forced_reason else (settings.rule, why)
    n = int(np.count_nonzero(~np.isnan(challenger)))
    return Challenge(rule, mean_over_customers(challenger), None, None, n, True, reason, forced_reason)


def challenge_in(
    week: HeldOutWeek,
    challenger: RankedLists,
    champion: RankedLists | None,
    why_unopposed: str,
    settings: PromotionSettings,
    forced_reason: str = "",
) -> Challenge:
    """Compare lists for the test week's customers with earlier purchases; without a champion's there is no opponent."""
    served = week.average_precision_of(challenger)
    if champion is None:
        return unopposed(served, settings, why_unopposed, forced_reason)
    return compare(served, week.average_precision_of(champion), settings, forced_reason)


def describe(challenge: Mapping[str, Any]) -> str:
    """Put `Challenge.as_dict` into one line."""
    outcome = {True: "accepted", False: "refused", None: "undecided"}[challenge["accepted"]]
    return f"Challenge ({challenge['rule']}), {outcome}: {challenge['reason']}"


def _judge(difference: Interval, settings: PromotionSettings, champion_map: float) -> tuple[bool, str]:
    if settings.rule == "better":
        has_gained = difference.low > 0
        return has_gained, "which shows a gain" if has_gained else "which shows no gain"
    margin, worse = settings.margin * champion_map, f"{100 * settings.margin:g}% worse"
    if difference.low > -margin:
        return True, f"which rules out {worse}"
    if difference.mean >= -margin / 2:
        return True, f"nearer to equal than to {worse}"
    return False, f"nearer to {worse} than to equal"
