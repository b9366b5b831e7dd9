"""What the published nights before say of tonight's behavior.

Stage: after the behavioral suite, before the verdict. In: the registry and tonight's results. Out: `BehaviorChanges`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from recommender.config import ChangeSettings
from recommender.evaluation.behavior_changes import BehaviorChanges, behavior_values
from recommender.evaluation.behavioral_check import CheckResult
from recommender.project_paths import registry_file
from recommender.release.registry import Decision, read

if TYPE_CHECKING:
    from recommender.evaluation.evaluated_week import EvaluatedWeek

MOST_NIGHTS = 28
"""Four weeks tell what is usual: long enough for a spread, and short enough that a season that passes is no jump."""


def changes_since(
    dataset: str, week: EvaluatedWeek, results: Sequence[CheckResult], settings: ChangeSettings
) -> BehaviorChanges:
    """Hold tonight's test week and the suite's results beside the nights that a dataset published before."""
    tonight = behavior_values(results, week.metrics, week.quality)
    return BehaviorChanges(tonight, values_of_nights(read(registry_file(dataset))), settings.spreads)


def values_of_nights(decisions: Sequence[Decision]) -> list[Mapping[str, float | None]]:
    """Return the values of the last `MOST_NIGHTS` published nights, oldest first.

    Of several runs up to one cutoff the newest counts: a run that is repeated is no further night. Decisions of
    releases that noted no values are left out.
    """
    published = [each for each in decisions if each.version is not None and each.values]
    by_last_day = {each.windows["test"]["end"]: each.values for each in published}
    return list(by_last_day.values())[-MOST_NIGHTS:]
