"""The TOML in, plain settings out; above this floor only the flow knows the file.

A misspelt key is an error, not a silent default, and so is a value that a later step could not use: `settings.sections`
says what each may be, `settings.file` asks. Others import the classes from here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from recommender.columns import Columns
from recommender.errors import SettingsError
from recommender.settings.file import find_problems
from recommender.settings.large_shop import as_large_shop, is_large
from recommender.settings.sections import (
    ChangeSettings,
    CommonSenseSettings,
    FeatureSettings,
    FilterSettings,
    ListSettings,
    OrderSettings,
    PromotionSettings,
    RankingSettings,
)

__all__ = [
    "DEFAULT_FILE",
    "Candidate",
    "ChangeSettings",
    "CommonSenseSettings",
    "FeatureSettings",
    "FilterSettings",
    "ListSettings",
    "OrderSettings",
    "PromotionSettings",
    "RankingSettings",
    "Settings",
    "SettingsError",
    "StageSettings",
    "read_day",
    "read_file",
    "read_toml",
]

DEFAULT_FILE = Path(__file__).resolve().parents[1] / "recommendation_flow.toml"


@dataclass(frozen=True)
class StageSettings:
    """The four stages; see [retrieve], [filter], [rankers.*] and [order] in the TOML.

    Attributes:
        sizes: generator name to how many articles it proposes.
        filters: what bars an article.
        rankers: kind of ranker to its settings; the best in the newest ranking week is taken.
        order: caps and diversity.
    """

    sizes: Mapping[str, int]
    filters: FilterSettings
    rankers: Mapping[str, Mapping[str, Any]]
    order: OrderSettings


@dataclass(frozen=True)
class Candidate:
    """One entry of the grid with one seed: what to train.

    Attributes:
        name: the entry's name in the TOML.
        seed: of everything random in it.
        settings: [training] with the entry's own values over it.
    """

    name: str
    seed: int
    settings: Mapping[str, Any]

    @property
    def label(self) -> str:
        """Name of the candidate's files and of its lines in the log."""
        return f"{self.name}-seed{self.seed}"


@dataclass(frozen=True)
class Settings:
    """All settings of one run on one dataset."""

    features: FeatureSettings
    lists: ListSettings
    candidates: tuple[Candidate, ...]
    ranking: RankingSettings
    stages: StageSettings
    promotion: PromotionSettings
    common_sense: CommonSenseSettings
    behavioral_tests: Mapping[str, Any]
    publication_gate: Mapping[str, Any]
    usual_weeks: Mapping[str, Any]
    behavior_changes: ChangeSettings
    arrivals: Mapping[str, Any]
    kept_runs: int

    @classmethod
    def of(cls, toml: Mapping[str, Any], dataset: str, purchases: int = 0) -> Settings:
        """Read the settings for a dataset out of a parsed TOML file.

        Args:
            toml: the file.
            dataset: a name in [datasets].
            purchases: rows of its transactions; a large shop takes some values of its own.

        Raises:
            SettingsError: when the dataset is unknown, or anything is wrong in the file, whatever the dataset; one line
                for each thing.
        """
        if problems := find_problems(toml):
            raise SettingsError("\n".join(problems))
        if dataset not in toml["datasets"]:
            raise SettingsError(f"no [datasets.{dataset}] in the settings; there are {', '.join(toml['datasets'])}")
        if is_large(toml, purchases):
            toml = as_large_shop(toml)
        features = {**toml["features"], **toml["datasets"][dataset]}
        features["segment_columns"] = tuple(features["segment_columns"])
        caps = toml["order"]["caps"]
        return cls(
            features=FeatureSettings(**features),
            lists=ListSettings(**toml["lists"]),
            candidates=_grid(toml["training"], toml["candidates"]),
            ranking=RankingSettings(**toml["ranking"]),
            stages=StageSettings(
                sizes=toml["retrieve"],
                filters=FilterSettings(features["on_sale_days"], **toml["filter"]),
                rankers=toml["rankers"],
                order=OrderSettings(**toml["order"]),
            ),
            promotion=PromotionSettings(**toml["promotion"]),
            common_sense=CommonSenseSettings(
                **toml["common_sense"], most_per_product_code=caps.get(Columns.PRODUCT_CODE)
            ),
            behavioral_tests=_thresholds(toml["behavioral_tests"]),
            publication_gate=_thresholds(toml["publication_gate"]),
            usual_weeks=_thresholds(toml["usual_weeks"]),
            behavior_changes=ChangeSettings(**toml["behavior_changes"]),
            arrivals=toml["arrivals"],
            kept_runs=toml["runs"]["kept"],
        )


def read_day(name: str, text: str) -> date:
    """Read a day written as YYYY-MM-DD.

    Raises:
        SettingsError: when it is not a day.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"{name} is {text!r}; write a day as YYYY-MM-DD, such as 2020-09-16") from error


def read_toml(text: str, name: str = "the settings file") -> dict[str, Any]:
    """Parse the text of a settings file, which goes by a name in errors.

    Raises:
        SettingsError: when it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{name} is not valid TOML: {error}") from error


def read_file(path: Path) -> dict[str, Any]:
    """Parse a settings file.

    Raises:
        SettingsError: when it cannot be read, or is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    return read_toml(text, str(path))


def _thresholds(by_kind: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: bounds for thresholds in by_kind.values() for name, bounds in thresholds.items()}


def _grid(training: Mapping[str, Any], candidates: Mapping[str, Mapping[str, Any]]) -> tuple[Candidate, ...]:
    common = {key: value for key, value in training.items() if key != "seeds"}
    return tuple(
        Candidate(name, seed, {**common, **own}) for name, own in candidates.items() for seed in training["seeds"]
    )
