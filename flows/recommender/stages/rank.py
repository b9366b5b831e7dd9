"""Stage three of four, rank: what was bought in earlier weeks teaches which candidate comes first.

In: ranking weeks, oldest first. Out: one fitted ranker. The newest week says how long to learn and, where the settings
name several kinds, which kind is better; then that one is fitted afresh on all weeks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recommender.models.ranking.rankers import LENGTH_SETTING, Ranker, fit_ranker, score_rows
from recommender.models.ranking.ranking_rows import RankingRows, map_within_candidates
from recommender.stages.ranking_week import RankingWeek


@dataclass(frozen=True)
class RankerChoice:
    """A fitted ranker and how it was chosen.

    Attributes:
        ranker: fitted on all weeks.
        kind: of the ranker.
        settings: that it was fitted with, its length among them.
        seed: that it was fitted with.
        validation_map: kind to MAP@k within the candidates of the newest week, by rankers fitted on the others; empty
            when there was one week only.
        k: how many articles of a list counted in it.
        earlier: the kind's ranker that was fitted on all weeks but the newest; None when there was one week only.
    """

    ranker: Ranker
    kind: str
    settings: Mapping[str, Any]
    seed: int
    validation_map: Mapping[str, float]
    k: int = 12
    earlier: Ranker | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "kind": self.kind,
            "settings": dict(self.settings),
            "seed": self.seed,
            f"validation_map@{self.k}": dict(self.validation_map),
        }

    def refitted(self, weeks: Sequence[RankingWeek], report: Callable[[str], None] = print) -> Ranker:
        """Fit the same kind with the same settings on other weeks."""
        return fit_ranker(self.kind, _joined(weeks), None, self.settings, self.seed, report)


def fit_on_weeks(
    weeks: Sequence[RankingWeek],
    rankers: Mapping[str, Mapping[str, Any]],
    seed: int,
    report: Callable[[str], None] = print,
    k: int = 12,
) -> RankerChoice:
    """Fit the better of some kinds of ranker on some weeks.

    Args:
        weeks: oldest first.
        rankers: kind to its settings.
        seed: of everything random in fitting.
        report: called with a line on how each kind does.
        k: how many articles of a list count.

    Raises:
        ValueError: without a week or a kind, for an unknown kind or setting, or when nothing was bought in the weeks.
    """
    if not weeks or not rankers:
        raise ValueError(f"a ranker needs at least one week and one kind, got {len(weeks)} and {len(rankers)}")
    if len(weeks) == 1:
        kind, settings = next(iter(rankers.items()))
        return RankerChoice(fit_ranker(kind, _joined(weeks), None, settings, seed, report), kind, settings, seed, {}, k)
    earlier, newest = _joined(weeks[:-1]), weeks[-1].rows()
    trials, scores = {}, {}
    for kind, settings in rankers.items():
        trials[kind] = fit_ranker(kind, earlier, newest, settings, seed, report, k)
        scores[kind] = map_within_candidates(score_rows(trials[kind], newest), newest, k)
        report(f"{kind}: MAP@{k} within the newest week's candidates {scores[kind]:.4f}")
    kind = max(scores, key=scores.get)
    settings = {**rankers[kind], LENGTH_SETTING[kind]: max(trials[kind].best_iteration, 1)}
    ranker = fit_ranker(kind, _joined(weeks), None, settings, seed, report)
    return RankerChoice(ranker, kind, settings, seed, scores, k, trials[kind])


def _joined(weeks: Sequence[RankingWeek]) -> RankingRows:
    return RankingRows.concatenate([week.rows() for week in weeks])
