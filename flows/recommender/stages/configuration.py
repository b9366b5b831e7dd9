"""What has to be known to fit a run's models again, on any night: a two-tower's settings and those of the four stages.

Stage: after the choice. In: the chosen candidate, or what the registry remembers of an earlier one. Out:
`Configuration`, and the one that tonight's has to hold its own against.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from recommender.config import Candidate, StageSettings
from recommender.stages.stage_files import stages_from
from recommender.stages.stage_names import check_stage_names

NO_CHAMPION, SAME = "no champion yet", "the champion has the same configuration"


@dataclass(frozen=True)
class Configuration:
    """One way to make lists.

    Attributes:
        candidate: the two-tower.
        best_epoch: of its schedule, as the validation week of its night found.
        stages: retrieve, filter, rank and order.
    """

    candidate: Candidate
    best_epoch: int
    stages: StageSettings

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
            return cls(Candidate(**values["candidate"]), values["best_epoch"], stages_from(values["stages"]))
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


def find_opponent(
    tonight: Configuration, champion: Mapping[str, Any] | None
) -> tuple[Configuration, None] | tuple[None, str]:
    """Return the champion's configuration, to be fitted beside tonight's, or None and why there is no need.

    Args:
        tonight: the challenger's.
        champion: what `Configuration.as_dict` returned on the night it was published; None before the first.
    """
    if champion is None:
        return None, NO_CHAMPION
    try:
        opponent = Configuration.from_dict(champion).on_the_terms_of(tonight)
        check_stage_names(opponent.stages)
        _check_settings(opponent.candidate, tonight.candidate)
    except ValueError as error:
        return None, f"the champion cannot be fitted any more: {error}"
    return (None, SAME) if opponent.is_same_as(tonight) else (opponent, None)


def _check_settings(champion: Candidate, tonight: Candidate) -> None:
    if different := champion.settings.keys() ^ tonight.settings.keys():
        raise ValueError(f"its settings are not those of this version ({', '.join(sorted(different))})")
