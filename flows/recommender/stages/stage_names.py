"""Are the names in stored settings of the four stages still names of something? Asked before a champion is fitted.

In: `StageSettings` that an earlier release may have stored. Out: nothing, or an error that names the section and what
it takes. Those of tonight are checked as their file is read, see `settings.file`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import fields

from recommender.columns import Columns
from recommender.config import SettingsError, StageSettings
from recommender.settings.rankers import RANKER_SETTINGS
from recommender.settings.sections import RetrieveSettings


def check_stage_names(stages: StageSettings) -> None:
    """Check generators, rankers with their settings, and caps.

    Raises:
        SettingsError: when one is unknown, no generator proposes anything, or there is no ranker.
    """
    _check("[retrieve] has", stages.sizes, RetrieveSettings.__annotations__)
    if not any(size > 0 for size in stages.sizes.values()):
        raise SettingsError("[retrieve] proposes nothing; give at least one generator a size above 0")
    _check("[rankers] has", stages.rankers, RANKER_SETTINGS)
    if not stages.rankers:
        raise SettingsError(f"[rankers] is empty; it takes {', '.join(RANKER_SETTINGS)}")
    for kind, settings in stages.rankers.items():
        _check(f"[rankers.{kind}] has", settings, [field.name for field in fields(RANKER_SETTINGS[kind])])
    _check("[order] caps", stages.order.caps, Columns.ARTICLE_ATTRIBUTES)


def _check(where: str, names: Iterable[str], known: Collection[str]) -> None:
    if unknown := sorted(set(names) - set(known)):
        raise SettingsError(f"{where} {', '.join(unknown)}; it takes {', '.join(known)}")
