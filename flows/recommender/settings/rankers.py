"""How each kind of ranker learns; see [rankers.*] in the TOML, where every key may be left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from recommender.settings.kinds import Count, CountOrZero, DroppedShare, NotNegative, Positive, TakenShare


@dataclass(frozen=True)
class LambdaRankSettings:
    """How the trees of `models.ranking.lambdarank` are grown.

    Attributes:
        n_trees: most trees; without validation rows, exactly as many.
        patience: trees without a better validation NDCG before growing stops.
        learning_rate: how much of each tree counts.
        leaves: most leaves of a tree, the depth of the interactions between features.
        min_rows_in_leaf: fewer candidates than that do not make a leaf.
        feature_fraction: share of the features that each tree may use.
        not_bought: most candidates that were not bought to learn from, drawn at random, but ten a customer-week at
            least. Twice as many scored the same in seven weeks of two shops, in nearly twice the time.
        l2: regularisation of the leaf values.
        max_bins: most values that a feature is told apart by; 63 scored no less than 255, in half the time.
        truncation_level: pairs that lie wholly behind this rank do not push; a little above the k that count,
            so that what stands just behind can still move in.
        threads: CPU threads; neither trees nor scores depend on it.
    """

    n_trees: Count = 300
    patience: Count = 50
    learning_rate: Positive = 0.05
    leaves: Annotated[int, Field(ge=2, le=131_072)] = 31  # LightGBM's own range
    min_rows_in_leaf: CountOrZero = 50
    feature_fraction: TakenShare = 0.7
    not_bought: Count = 375_000
    l2: NotNegative = 1.0
    max_bins: Annotated[int, Field(ge=2, le=65_535)] = 63
    truncation_level: Count = 15
    threads: Count = 1


@dataclass(frozen=True)
class DeepCrossSettings:
    """The sizes of the network of `models.ranking.deep_cross_ranker` and how it is trained.

    Attributes:
        cross_layers: highest order of the products of features, less one.
        hidden_dims: units of each dense layer.
        dropout: share of hidden units dropped while training.
        epochs: most passes over the training rows; without validation rows, exactly as many.
        patience: epochs without a better validation MAP before training stops.
        batch_size: customer-weeks per batch.
        learning_rate: of AdamW, constant, so that an epoch is the same whatever number of them is planned.
        weight_decay: decoupled decay of all weights.
        threads: CPU threads of training.
    """

    cross_layers: Count = 2
    hidden_dims: Annotated[
        tuple[Count, ...],
        Field(strict=False, min_length=1, description="a list of whole numbers of 1 or more, at least one"),
    ] = (128, 64)
    dropout: DroppedShare = 0.1
    epochs: Count = 10
    patience: Count = 2
    batch_size: Count = 64
    learning_rate: Positive = 1e-3
    weight_decay: NotNegative = 1e-2
    threads: Count = 1


RANKER_SETTINGS: Mapping[str, type] = {"lambdarank": LambdaRankSettings, "deep_cross": DeepCrossSettings}
"""Kind of ranker to the class of its settings."""
