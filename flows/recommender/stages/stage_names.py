"""Are the names in the settings of the four stages names of something? Asked before anything is trained.

In: `StageSettings` as read from the TOML. Out: nothing, or an error that names the section and what it takes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import fields

from recommender.columns import Columns
from recommender.config import SettingsError, StageSettings
from recommender.models.rankers import RANKERS
from recommender.stages.retrieve import GENERATORS


def check_stage_names(stages: StageSettings) -> None:
    """Check generators, rankers with their settings, and caps.

    Raises:
        SettingsError: when one is unknown, no generator proposes anything, or there is no ranker.
    """
    _check("[retrieve] has", stages.sizes, GENERATORS)
    if not any(size > 0 for size in stages.sizes.values()):
        raise SettingsError("[retrieve] proposes nothing; give at least one generator a size above 0")
    _check("[rankers] has", stages.rankers, RANKERS)
    if not stages.rankers:
        raise SettingsError(f"there is no ranker; name at least one of [rankers.{'], [rankers.'.join(RANKERS)}]")
    for kind, settings in stages.rankers.items():
        _check(f"[rankers.{kind}] has", settings, [field.name for field in fields(RANKERS[kind]().settings)])
    _check("[order] caps", stages.order.caps, Columns.ARTICLE_ATTRIBUTES)


def _check(where: str, names: Iterable[str], known: Collection[str]) -> None:
    if unknown := sorted(set(names) - set(known)):
        raise SettingsError(f"{where} {', '.join(unknown)}; it takes {', '.join(known)}")
