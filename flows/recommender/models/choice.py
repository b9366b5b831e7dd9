"""Which trained candidate goes on: the cheapest of those that chance cannot tell from the best.

Stage: after the grid. In: a `TrainedCandidate` for each candidate and seed, in any order. Out: `Choice`, the same
whatever the order. Wall time decides nothing, because it changes with what else the machine does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev, variance
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import stdtrit  # quantile of Student's t

from recommender.bootstrap import BOOTSTRAP_SEED, Interval, paired_difference

if TYPE_CHECKING:
    from recommender.models.trained_candidate import TrainedCandidate

LEVEL = 0.95


@dataclass(frozen=True)
class Standing:
    """How a candidate did over its seeds.

    Attributes:
        name: of the candidate.
        seeds: ascending.
        mean: of the seeds' validation MAP@k.
        deviation: standard deviation over seeds; NaN with one seed.
        cost: weights times best epoch, averaged over seeds. The candidate that goes on is fitted afresh for every
            week that follows, up to that epoch.
        lead: the best candidate's mean minus this one's, with its interval; None for the best.
        k: how many articles of a list counted.
    """

    name: str
    seeds: tuple[int, ...]
    mean: float
    deviation: float
    cost: float
    lead: Interval | None
    k: int

    @property
    def is_tie(self) -> bool:
        """Whether chance cannot tell the candidate from the best; also true where nothing can be said."""
        return self.lead is None or not self.lead.low > 0

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; NaN where something is not known."""
        return {
            "name": self.name,
            "seeds": list(self.seeds),
            f"validation_map@{self.k}": self.mean,
            "standard_deviation": self.deviation,
            "cost": self.cost,
            "best_minus_this": None if self.lead is None else self.lead._asdict(),
            "is_tie": self.is_tie,
        }


@dataclass(frozen=True)
class Choice:
    """What goes on, and why.

    Attributes:
        kept: the model of the chosen candidate's best seed.
        standings: of every candidate, best mean first.
    """

    kept: TrainedCandidate
    standings: tuple[Standing, ...]

    @property
    def reason(self) -> str:
        """One sentence: who leads, whether that is noise, and who is taken."""
        leader, *others = self.standings
        name = self.kept.candidate.name
        if not others:
            return f"{name} is the only candidate."
        if name != leader.name:
            chosen = next(each for each in others if each.name == name)
            return f"{_led(leader, chosen)}, {_noise(chosen)}; {name} is taken because it is cheaper."
        if ties := [each.name for each in others if each.is_tie]:
            return f"{name} leads; chance cannot tell {', '.join(ties)} from it, but none is cheaper; {name} is taken."
        return f"{_led(leader, others[0])}, which is more than noise; {name} is taken."

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for the report."""
        return {
            "chosen": self.kept.candidate.name,
            "seed": self.kept.candidate.seed,
            "reason": self.reason,
            "standings": [each.as_dict() for each in self.standings],
        }


def choose(trained: Sequence[TrainedCandidate]) -> Choice:
    """Choose among candidates by validation MAP@k, and among those as good by cost.

    The best mean over seeds leads. A candidate whose `lead_over` interval holds 0 is a tie, and of the ties the
    cheapest is taken (`Standing.cost`; of equal ones the better mean, then the earlier name). Of its seeds the model
    with the best validation MAP@k is kept (of equal ones the smaller seed).

    The intervals are each candidate's own: that the leader was picked as the best of several makes its lead look a
    little surer than it is.

    Raises:
        ValueError: when nothing was trained, or two records judge different customers.
    """
    if not trained:
        raise ValueError("no candidate was trained; the settings need at least one [candidates.*]")
    by_name: dict[str, list[TrainedCandidate]] = {}
    for each in sorted(trained, key=lambda run: run.candidate.seed):
        by_name.setdefault(each.candidate.name, []).append(each)
    leader, *others = sorted(by_name.values(), key=lambda runs: (-_mean(runs), _cost(runs), runs[0].candidate.name))
    standings = (_standing(leader, None), *(_standing(runs, lead_over(leader, runs)) for runs in others))
    taken = min((each for each in standings if each.is_tie), key=lambda each: (each.cost, -each.mean, each.name))
    kept = max(by_name[taken.name], key=lambda run: run.validation_map)  # the first of equal ones: the smaller seed
    return Choice(kept, standings)


def lead_over(leader: Sequence[TrainedCandidate], other: Sequence[TrainedCandidate]) -> Interval:
    """Return the leader's mean validation MAP@k minus the other's, and its 95% interval.

    Two kinds of chance move the difference, and each has an interval of its own:

    * other customers: a bootstrap over customers of the seeds' mean average precision. It is paired, for both
      candidates are judged on the same customers.
    * other seeds: Student's t of two samples. It is not paired, for one seed in two architectures draws unrelated
      weights. Drawing seeds with replacement, too, would be wrong here: of two seeds it sees half of their variance,
      and it does not know that two seeds say little about spread, which t says with 2 degrees of freedom.

    They are independent, so their reaches add up as squares (Zou and Donner, Construction of confidence limits about
    effect measures, Statistics in Medicine 27, 2008). Customers whom only some seeds serve well count in both, which
    errs towards a tie. With one seed each, the spread over seeds is unknown and left out: then the interval is about
    these two models, not about all that their settings could have become.

    The bounds are NaN with fewer than two customers.

    Raises:
        ValueError: when the runs judge different customers.
    """
    mine, others = (np.mean([run.average_precision for run in runs], axis=0, dtype=float) for runs in (leader, other))
    customers = paired_difference(mine, others, np.arange(len(mine)), BOOTSTRAP_SEED, level=LEVEL)
    seeds = _reach_of_seeds([run.validation_map for run in leader], [run.validation_map for run in other])
    lead = _mean(leader) - _mean(other)
    below, above = np.hypot([customers.mean - customers.low, customers.high - customers.mean], seeds)
    return Interval(lead, float(lead - below), float(lead + above))


def describe_choice(choice: Choice) -> str:
    """Return a table, best mean first and the chosen candidate marked, and the reason in one sentence.

    No line begins with a space: Metaflow's log would take it away and shift the columns.
    """
    score = f"validation MAP@{choice.kept.k}"
    header = f"{'candidate':<16} seeds  {score:<17}  {'best minus it':<26} {'weights x epochs':>16}"
    return "\n".join([header, *(_line(each, choice) for each in choice.standings), choice.reason])


def _standing(runs: Sequence[TrainedCandidate], lead: Interval | None) -> Standing:
    return Standing(
        name=runs[0].candidate.name,
        seeds=tuple(run.candidate.seed for run in runs),
        mean=_mean(runs),
        deviation=stdev(run.validation_map for run in runs) if len(runs) > 1 else float("nan"),
        cost=_cost(runs),
        lead=lead,
        k=runs[0].k,
    )


def _mean(runs: Sequence[TrainedCandidate]) -> float:
    return fmean(run.validation_map for run in runs)


def _cost(runs: Sequence[TrainedCandidate]) -> float:
    return fmean(run.parameters * run.best_epoch for run in runs)


def _reach_of_seeds(maps: Sequence[float], other_maps: Sequence[float]) -> float:
    """Return how far t's interval reaches from the difference of two means over seeds; 0 with one seed each."""
    freedom = len(maps) + len(other_maps) - 2
    if not freedom:
        return 0.0
    squares = sum(variance(each) * (len(each) - 1) for each in (maps, other_maps) if len(each) > 1)
    standard_error = np.sqrt(squares / freedom * (1 / len(maps) + 1 / len(other_maps)))
    return float(stdtrit(freedom, (1 + LEVEL) / 2) * standard_error)


def _line(standing: Standing, choice: Choice) -> str:
    mark = "  <- taken" if standing.name == choice.kept.candidate.name else ""
    spread = "" if len(standing.seeds) == 1 else f" +- {standing.deviation:.4f}"
    score = f"{standing.mean:.4f}{spread}"
    lead = "" if standing.lead is None else standing.lead.in_words()
    return f"{standing.name:<16} {len(standing.seeds):>5}  {score:<17}  {lead:<26} {standing.cost:>16,.0f}{mark}"


def _led(leader: Standing, other: Standing) -> str:
    return f"{leader.name} leads {other.name} by {other.lead.in_words()}"


def _noise(tie: Standing) -> str:
    is_known = not np.isnan(tie.lead.low)
    return "which is noise" if is_known else "which too few customers tell from noise"
