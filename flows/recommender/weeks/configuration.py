"""What has to be known to make a run's lists again, on any night: settings of a two-tower and of the four stages.

Stage: after the choice. In: the chosen candidate, or what the registry remembers of an earlier one. Out:
`Configuration`, and the `Opponent` that tonight's lists have to hold their own against.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from recommender.config import Candidate, StageSettings
from recommender.model_names import CHAMPION, FOUR_STAGES
from recommender.stages.stage_names import check_stage_names
from recommender.weeks.stage_files import stages_from

NO_CHAMPION, SAME = "no champion yet", "the champion has the same configuration"


@dataclass(frozen=True)
class Configuration:
    """One way to make lists.

    Attributes:
        candidate: the two-tower.
        best_epoch: of its schedule, as the validation week of its night found.
        stages: retrieve, filter, rank and order.
        recommender: who makes the lists: `FOUR_STAGES`, or the baseline that did better than they.
    """

    candidate: Candidate
    best_epoch: int
    stages: StageSettings
    recommender: str = FOUR_STAGES

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Configuration:
        """Make a configuration of what `as_dict` returned; further entries are ignored.

        Raises:
            ValueError: when a setting is missing or unknown.
        """
        try:
            candidate, stages = Candidate(**values["candidate"]), stages_from(values["stages"])
            return cls(candidate, values["best_epoch"], stages, values.get("recommender", FOUR_STAGES))
        except (KeyError, TypeError) as error:
            raise ValueError(f"its settings are not those of this version ({error})") from error

    def is_same_as(self, other: Configuration) -> bool:
        """Whether two make the same lists but for the best epoch, which every night finds anew; a name says nothing."""
        return self._settings() == other._settings()

    def on_the_terms_of(self, other: Configuration) -> Configuration:
        """Return it with the rules of the other's night: which articles count as on sale, and which are denied."""
        filters = other.stages.filters
        rules = {"on_sale_days": filters.on_sale_days, "denied_articles": filters.denied_articles}
        return replace(self, stages=replace(self.stages, filters=replace(self.stages.filters, **rules)))

    def _settings(self) -> dict[str, Any]:
        """Return all that decides on the lists, as JSON reads it back: without tuples."""
        candidate = {"seed": self.candidate.seed, "settings": dict(self.candidate.settings)}
        return json.loads(json.dumps({**candidate, "stages": asdict(self.stages)}))


@dataclass(frozen=True)
class Opponent:
    """Whom tonight's lists have to hold their own against: the maker of those that are served.

    Attributes:
        name: of the lists in the test week: `CHAMPION`, a baseline's, `FOUR_STAGES` where the champion's are those of
            tonight; None without a champion that could be fitted.
        configuration: to be fitted beside tonight's under the name `CHAMPION`; None where nothing has to be.
        reason: in a few words, why nothing has to be; empty where something has.
    """

    name: str | None
    configuration: Configuration | None = None
    reason: str = ""

    def against(self, winner: str, makers: Collection[str]) -> tuple[str | None, str]:
        """Return the name of the lists to compare with, or None and why there is nothing to compare.

        Args:
            winner: who makes tonight's lists.
            makers: whose lists there are besides the champion's.
        """
        if self.name is None:
            return None, self.reason
        if self.name == winner:
            return None, SAME
        if self.name != CHAMPION and self.name not in makers:
            return None, f"the champion, {self.name}, is left out"
        return self.name, ""


def find_opponent(tonight: Configuration, champion: Mapping[str, Any] | None) -> Opponent:
    """Return the champion as tonight's opponent.

    Args:
        tonight: the challenger's.
        champion: what `Configuration.as_dict` returned on the night it was published; None before the first.
    """
    if champion is None:
        return Opponent(None, reason=NO_CHAMPION)
    if (maker := champion.get("recommender", FOUR_STAGES)) != FOUR_STAGES:
        return Opponent(maker, reason=f"{maker} made the lists that are up, and every run scores it")
    try:
        opponent = Configuration.from_dict(champion).on_the_terms_of(tonight)
        check_stage_names(opponent.stages)
        _check_settings(opponent.candidate, tonight.candidate)
    except ValueError as error:
        return Opponent(None, reason=f"the champion cannot be fitted any more: {error}")
    return Opponent(FOUR_STAGES, reason=SAME) if opponent.is_same_as(tonight) else Opponent(CHAMPION, opponent)


def _check_settings(champion: Candidate, tonight: Candidate) -> None:
    if different := champion.settings.keys() ^ tonight.settings.keys():
        raise ValueError(f"its settings are not those of this version ({', '.join(sorted(different))})")
