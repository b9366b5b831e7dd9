"""The TOML in, plain settings out; only this module and the flow know the file.

A misspelt key is an error, not a silent default.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from recommender.columns import Columns
from recommender.errors import SettingsError

DEFAULT_FILE = Path(__file__).resolve().parents[1] / "recommendation_flow.toml"


@dataclass(frozen=True)
class FeatureSettings:
    """What the marts hold; see [features] and [datasets.*] in the TOML."""

    training_weeks: int
    history_length: int
    on_sale_days: int
    segment_columns: tuple[str, ...]


@dataclass(frozen=True)
class ListSettings:
    """How long lists are, and what goes with them; see [lists] in the TOML."""

    k: int
    published_k: int
    purchases: int


@dataclass(frozen=True)
class RankingSettings:
    """What the ranker learns from; see [ranking] in the TOML.

    Raises:
        SettingsError: when a model is to score less than a week.
    """

    weeks: int
    weeks_per_model: int
    customers_per_week: int
    seed: int

    def __post_init__(self) -> None:
        if self.weeks_per_model < 1:
            raise SettingsError(f"[ranking] has weeks_per_model {self.weeks_per_model}; a two-tower scores 1 or more")


@dataclass(frozen=True)
class PromotionSettings:
    """What tonight's configuration must show against the champion's; see [promotion] in the TOML.

    Attributes:
        rule: one of `RULES`; `evaluation.challenge` explains what they ask.
        margin: the loss that "not_worse" rules out, as a share of the champion's MAP, in (0, 1).

    Raises:
        SettingsError: for another rule or margin.
    """

    RULES: ClassVar[tuple[str, ...]] = ("not_worse", "better")

    rule: str
    margin: float

    def __post_init__(self) -> None:
        if self.rule not in self.RULES:
            raise SettingsError(
                f"[promotion] has rule {self.rule!r}; it takes {', '.join(self.RULES)} (a single run is forced by "
                "--force-reason)"
            )
        if not 0 < self.margin < 1:
            raise SettingsError(f"[promotion] has margin {self.margin}; it takes a share between 0 and 1, such as 0.05")


@dataclass(frozen=True)
class FilterSettings:
    """What bars an article from every list; see [filter] in the TOML.

    Attributes:
        on_sale_days: an article that has not sold for more days is taken for withdrawn.
        is_season_checked: bar an article known for a year that sold nothing in the last four weeks, nor a year ago in
            the four weeks that lie ahead.
        denied_articles: ids that must not be recommended, however well they sell.
    """

    on_sale_days: int
    is_season_checked: bool
    denied_articles: Sequence[str] = ()


@dataclass(frozen=True)
class OrderSettings:
    """What the order of a list is held to; see [order] in the TOML.

    Attributes:
        depth: the best candidates of each customer that are looked at.
        diversity: 0 orders by score alone; d takes from a score d times the standard deviation of the customer's
            scores times the share of attributes in common with the most similar article chosen before.
        caps: article attribute to the most articles of one value in a list.
    """

    depth: int
    diversity: float
    caps: Mapping[str, int]


@dataclass(frozen=True)
class CommonSenseSettings:
    """What a shop assistant would not do; see [common_sense] in the TOML.

    Attributes:
        guarded: article attribute to values that only customers who bought such an article before should be shown.
        usual_price_factor: a price further from the customer's mean than this factor, up or down, is unusual.
        most_per_product_code: articles of one product code in a list, as [order] caps them; None without a cap.
    """

    guarded: Mapping[str, Sequence[str]]
    usual_price_factor: float
    most_per_product_code: int | None


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
    minimum_customers: int
    behavioral_tests: Mapping[str, Any]
    publication_gate: Mapping[str, Any]
    kept_runs: int

    @classmethod
    def of(cls, toml: Mapping[str, Any], dataset: str) -> Settings:
        """Read the settings for a dataset out of a parsed TOML file.

        Raises:
            SettingsError: when the dataset or a key is unknown, or one is missing.
        """
        if dataset not in toml["datasets"]:
            raise SettingsError(f"no [datasets.{dataset}] in the settings; there are {', '.join(toml['datasets'])}")
        features = {**toml["features"], **toml["datasets"][dataset]}
        features["segment_columns"] = tuple(features.get("segment_columns", ()))
        thresholds = dict(toml["behavioral_tests"])
        return cls(
            features=_checked(FeatureSettings, features, "features"),
            lists=_checked(ListSettings, toml["lists"], "lists"),
            candidates=_grid(toml["training"], toml["candidates"]),
            ranking=_checked(RankingSettings, toml["ranking"], "ranking"),
            stages=StageSettings(
                sizes=toml["retrieve"],
                filters=_checked(
                    FilterSettings, {**toml["filter"], "on_sale_days": features["on_sale_days"]}, "filter"
                ),
                rankers=toml["rankers"],
                order=_checked(OrderSettings, toml["order"], "order"),
            ),
            promotion=_checked(PromotionSettings, toml["promotion"], "promotion"),
            common_sense=_common_sense(toml["common_sense"], toml["order"]["caps"]),
            minimum_customers=thresholds.pop("minimum_customers"),
            behavioral_tests=thresholds,
            publication_gate=toml["publication_gate"],
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


def read_toml(text: str) -> dict[str, Any]:
    """Parse the text of a settings file.

    Raises:
        SettingsError: when it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"the settings file is not valid TOML: {error}") from error


def _grid(training: Mapping[str, Any], candidates: Mapping[str, Mapping[str, Any]]) -> tuple[Candidate, ...]:
    common = {key: value for key, value in training.items() if key != "seeds"}
    for name, own in candidates.items():
        if unknown := own.keys() - common.keys():
            raise SettingsError(f"[candidates.{name}] has {', '.join(sorted(unknown))}; [training] knows no such key")
    return tuple(
        Candidate(name, seed, {**common, **own}) for name, own in candidates.items() for seed in training["seeds"]
    )


def _common_sense(values: Mapping[str, Any], caps: Mapping[str, int]) -> CommonSenseSettings:
    rules = {**values, "most_per_product_code": caps.get("product_code")}
    settings = _checked(CommonSenseSettings, rules, "common_sense")
    if unknown := settings.guarded.keys() - set(Columns.ARTICLE_ATTRIBUTES):
        known = ", ".join(Columns.ARTICLE_ATTRIBUTES)
        raise SettingsError(f"[common_sense] guarded has {', '.join(sorted(unknown))}; it takes {known}")
    return settings


def _checked(kind: type, values: Mapping[str, Any], section: str):
    names = {field.name for field in fields(kind)}
    if unknown := values.keys() - names:
        raise SettingsError(f"[{section}] has {', '.join(sorted(unknown))}; it takes {', '.join(sorted(names))}")
    if missing := names - values.keys():
        raise SettingsError(f"[{section}] lacks {', '.join(sorted(missing))}")
    return kind(**values)
