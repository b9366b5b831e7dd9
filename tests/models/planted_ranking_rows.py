"""Planted candidates: in every group the row with the largest `decides` is bought, and nothing else tells."""

import numpy as np

from recommender.models.ranking.ranking_rows import RankingRows

GROUP_SIZE = 20
NAMES = ("noise", "decides", "sometimes_unknown", "constant", "heavy_tailed")
MAP_BY_CHANCE = sum(1 / rank for rank in range(1, 13)) / GROUP_SIZE  # one bought row, at any of 20 ranks
FEW_ROWS = {"lambdarank": {"n_trees": 100, "min_rows_in_leaf": 10}, "deep_cross": {"epochs": 6, "learning_rate": 0.01}}


def planted_rows(groups: int = 150, seed: int = 0) -> RankingRows:
    """Groups of 20 candidates, one of them bought."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(groups * GROUP_SIZE, len(NAMES)))
    features[:, 2] = np.where(generator.random(len(features)) < 0.3, np.nan, features[:, 2])
    features[:, 3] = 1
    features[:, 4] = np.exp(3 * features[:, 4])
    best = features[:, 1].reshape(groups, GROUP_SIZE).argmax(axis=1) + np.arange(groups) * GROUP_SIZE
    is_bought = np.zeros(len(features), dtype=bool)
    is_bought[best] = True
    return RankingRows(features.astype(np.float32), NAMES, np.full(groups, GROUP_SIZE), is_bought)


def shuffled(rows: RankingRows, seed: int) -> RankingRows:
    """The same candidates with any one of each group bought."""
    chosen = np.random.default_rng(seed).permuted(rows.is_bought.reshape(-1, GROUP_SIZE), axis=1)
    return RankingRows(rows.features, rows.feature_names, rows.group_sizes, chosen.ravel())


def say_nothing(line: str) -> None:
    """Take a line of progress."""
