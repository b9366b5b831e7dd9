"""How likely a ranker's scores make what was bought: a measure to which every candidate and every score adds.

Stage: beside evaluation. In: scores of `RankingRows`. Out: a number for each group. A list's average precision moves
when articles change places near its top; this moves with every score, so few customers tell two rankers apart.

A purchase is a draw from a softmax over the scores of the customer's candidates, the conditional logit of McFadden
1974 (Conditional Logit Analysis of Qualitative Choice Behavior, in Frontiers in Econometrics).
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from recommender.models.ranking.ranking_rows import RankingRows

NARROWEST, WIDEST = 1e-2, 1e2  # temperatures, as multiples of the spread of the scores


def purchase_likelihood(scores: np.ndarray, rows: RankingRows, temperature: float) -> np.ndarray:
    """Return by how many nats each group's purchases are likelier than by chance: (n_groups,) float64, their mean.

    0 for a group that bought none of its rows.

    Args:
        scores: (n_rows,) float, finite.
        rows: whose candidates and purchases.
        temperature: scores are divided by it: the smaller, the surer they are taken to be.
    """
    groups, n_groups = rows.groups(), len(rows.group_sizes)
    logits = scores.astype(np.float64) / temperature
    highest = np.full(n_groups, -np.inf)
    np.maximum.at(highest, groups, logits)
    logits -= highest[groups]
    bought = groups[rows.is_bought]
    with np.errstate(divide="ignore"):  # a group without rows
        by_chance = np.log(np.bincount(groups, np.exp(logits), n_groups) / np.maximum(rows.group_sizes, 1))
    gained = logits[rows.is_bought] - by_chance[bought]
    return np.bincount(bought, gained, n_groups) / np.maximum(np.bincount(bought, minlength=n_groups), 1)


def best_temperature(scores: np.ndarray, rows: RankingRows) -> float:
    """Return the temperature at which the purchases are likeliest: a ranker's scores have no unit of their own."""
    spread = float(np.std(scores))
    if spread == 0:
        return 1.0  # all alike, whatever they are divided by

    def unlikeliness(log_temperature: float) -> float:
        return -float(purchase_likelihood(scores, rows, np.exp(log_temperature)).mean())

    bounds = np.log(spread * NARROWEST), np.log(spread * WIDEST)
    return float(np.exp(minimize_scalar(unlikeliness, bounds=bounds, method="bounded").x))
