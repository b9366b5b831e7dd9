"""The sections of the settings file, each with what its keys may be; why they are as they are stands in the TOML.

A section that the flow uses as an object is a class, one that it hands on as a table is a TypedDict. Nothing is checked
when an object is made: settings that an earlier run stored are made again as they were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypedDict

from pydantic import Field

from data.arrivals.finding import RULES, Rule
from recommender.settings.kinds import (
    AboveOne,
    ArticleId,
    Attribute,
    ByteCount,
    Count,
    CountOrZero,
    Distinct,
    DroppedShare,
    LostShare,
    NotNegative,
    Positive,
    Seed,
    SegmentColumn,
    Text,
)

NIGHTLY = "nightly"


@dataclass(frozen=True)
class FeatureSettings:
    """What the marts hold; see [features] and [datasets.*] in the TOML."""

    training_weeks: Count
    history_length: Count
    on_sale_days: Count
    segment_columns: Annotated[
        tuple[SegmentColumn, ...],
        Distinct,
        Field(strict=False, description="a list of age_band, channel and postal_code, each at most once"),
    ]


class LargeShopSettings(TypedDict):
    """From which size on a shop takes the values of [large_shop.*]; see [large_shop] in the TOML."""

    from_purchases: Count


@dataclass(frozen=True)
class ListSettings:
    """How long lists are, and what goes with them; see [lists] in the TOML."""

    k: ByteCount
    published_k: ByteCount
    purchases: ByteCount


class RunSettings(TypedDict):
    """What stays of earlier runs; see [runs] in the TOML."""

    kept: Count
    records: Count
    archives: Count


@dataclass(frozen=True)
class NightlySettings:
    """When a night is missing or late; see [nightly] in the TOML."""

    every_hours: Positive
    most_hours: Positive


class TwoTowerSettings(TypedDict):
    """How every candidate of the grid is sized and trained; see [training] in the TOML.

    What each setting is for, `models.two_tower.TowerSettings`, `models.training.TrainingSettings` and
    `models.grid.training_settings` say.
    """

    seeds: Annotated[
        list[Seed],
        Distinct,
        Field(min_length=1, description="a list of whole numbers of 0 or more, at least one, each only once"),
    ]
    embedding_dim: Count
    attribute_dim: Count
    hidden_dim: Count
    dropout: DroppedShare
    epochs: Count
    patience: Count
    batch_size: Count
    learning_rate: Positive
    weight_decay: NotNegative
    history_dropout: DroppedShare
    sampled_negatives: CountOrZero
    max_softmax_articles: CountOrZero
    sampled_fallback: Count
    threads: Count


@dataclass(frozen=True)
class RankingSettings:
    """What the ranker learns from; see [ranking] in the TOML."""

    weeks: Count
    weeks_per_model: Count
    customers_per_week: Count
    seed: Seed


class RetrieveSettings(TypedDict):
    """How many articles each generator of `stages.retrieve` proposes; see [retrieve] in the TOML."""

    two_tower: CountOrZero
    own: CountOrZero
    ease: CountOrZero
    item_knn: CountOrZero
    last_basket: CountOrZero
    rising: CountOrZero
    popular: CountOrZero
    fresh: CountOrZero


@dataclass(frozen=True)
class FilterSettings:
    """What bars an article from every list; see [filter] in the TOML.

    Attributes:
        on_sale_days: an article that has not sold for more days is taken for withdrawn; that of [features].
        is_season_checked: bar an article known for a year that sold nothing in the last four weeks, nor a year ago in
            the four weeks that lie ahead.
        denied_articles: ids that must not be recommended, however well they sell.
    """

    on_sale_days: int
    is_season_checked: bool
    denied_articles: Annotated[
        Sequence[ArticleId],
        Field(description="a list of ids of 10 digits with a leading zero, in quotes, such as '0108775015'"),
    ] = ()


@dataclass(frozen=True)
class OrderSettings:
    """What the order of a list is held to; see [order] in the TOML.

    Attributes:
        depth: the best candidates of each customer that are looked at.
        diversity: 0 orders by score alone; d takes from a score d times the standard deviation of the customer's
            scores times the share of attributes in common with the most similar article chosen before.
        caps: article attribute to the most articles of one value in a list.
    """

    depth: Count
    diversity: NotNegative
    caps: Annotated[Mapping[Attribute, Count], Field(description="a table of article attributes and their caps")]


@dataclass(frozen=True)
class PromotionSettings:
    """What tonight's configuration must show against the champion's; see [promotion] in the TOML.

    Attributes:
        rule: what it asks is told in `evaluation.challenge`.
        margin: the loss that "not_worse" rules out, as a share of the champion's MAP.
        minimum_customers: with fewer in the test week nothing is decided.
    """

    rule: Literal["not_worse", "better"]
    margin: LostShare
    minimum_customers: Count


class ResourceSettings(TypedDict):
    """What a training task asks of a cluster; see [resources] in the TOML."""

    cpu: Count
    gpu: CountOrZero
    memory: Count


GuardedValues = Annotated[
    Sequence[Text], Field(min_length=1, description="a list of texts that are not empty, at least one")
]


@dataclass(frozen=True)
class CommonSenseSettings:
    """What a shop assistant would not do; see [common_sense] in the TOML.

    Attributes:
        guarded: article attribute to values that only customers who bought such an article before should be shown.
        usual_price_factor: a price further from the customer's mean than this factor, up or down, is unusual.
        most_per_product_code: articles of one product code in a list, as [order] caps them; None without a cap.
    """

    guarded: Annotated[
        Mapping[Attribute, GuardedValues],
        Field(description="a table of article attributes and their guarded values"),
    ]
    usual_price_factor: AboveOne
    most_per_product_code: int | None


@dataclass(frozen=True)
class ChangeSettings:
    """What is a jump from one night to the next; see [behavior_changes] in the TOML.

    Attributes:
        spreads: distance from the median of the published nights before, in their spreads.
    """

    spreads: Positive


class ArrivalSettings(TypedDict):
    """What tonight's files are asked before anything is built; see [arrivals] in the TOML.

    What each threshold is for, the rules of `data.arrivals` say.
    """

    stops: Annotated[list[Rule], Distinct, Field(description=f"a list of rules, each at most once: {', '.join(RULES)}")]
    late_after_days: Count
    few_rows_share: LostShare
    unusual_spreads: Positive
    price_factor: AboveOne
    lost_rows_share: LostShare
    late_rows_days: CountOrZero
    changed_rows_share: LostShare
    unseen_values_share: LostShare
    lost_values_share: LostShare
    other_format_share: LostShare
    lost_ids_share: LostShare


class Threshold(TypedDict):
    """Within which bounds, both inclusive, a test passes; see [behavioral_tests] in the TOML and what follows."""

    minimum: float
    maximum: float
