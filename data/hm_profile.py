"""The aggregates of the real H&M data that the generator imitates and `data_profile` compares with.

Stage: raw data, demo only. In: `hm_profile.json` beside this file. Out: its parts, and samplers that follow them.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

PROFILE_FILE = Path(__file__).with_name("hm_profile.json")


@cache
def hm_profile() -> dict:
    """All aggregates, as stored; callers must not change them."""
    return json.loads(PROFILE_FILE.read_text())


def code_table(column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(codes, names, shares) of an article column such as "colour_group_name"; shares sum to 1."""
    codes, names, shares = zip(*hm_profile()["article_codes"][column], strict=True)
    weights = np.asarray(shares)
    return np.asarray(codes, dtype=object), np.asarray(names, dtype=object), weights / weights.sum()


def probability(quantile_name: str) -> float:
    """Probability that a quantile's name stands for: "p75" -> 0.75, "max" -> 1.0."""
    return 1.0 if quantile_name == "max" else float(quantile_name[1:]) / 100


def draw_counts(uniform: np.ndarray, quantiles: dict[str, float], largest: float) -> np.ndarray:
    """Whole counts >= 1 whose quantiles are the given ones, log-linear in between.

    `uniform` holds draws in [0, 1), any shape; `largest` is the count at probability 1.
    """
    points = {0.0: 1.0} | {probability(name): value for name, value in quantiles.items()} | {1.0: largest}
    log_counts = np.interp(uniform, list(points), np.log(list(points.values())))
    return np.rint(np.exp(log_counts)).astype(np.int64)
