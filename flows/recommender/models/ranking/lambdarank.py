"""LightGBM's lambdarank: candidates with features in, boosted trees that order them out.

Each pair of a bought and a not bought candidate of a customer pushes the two apart by what swapping them would
change in NDCG, truncated near the length of the lists. Trees take features as they are: any scale, NaN for unknown.

Source: Burges 2010, From RankNet to LambdaRank to LambdaMART
(https://www.microsoft.com/en-us/research/publication/from-ranknet-to-lambdarank-to-lambdamart-an-overview/).

LightGBM is imported inside the functions, after torch: its wheel brings no libgomp and takes the one that torch
brings, so both run on one OpenMP runtime and a machine without a system-wide one does too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch  # noqa: F401  brings libgomp, see above

from recommender.models.ranking.ranker_files import read_description, write_description
from recommender.models.ranking.ranking_rows import (
    RankingRows,
    check_width,
    rows_to_learn_from,
    with_some_not_bought,
)
from recommender.settings.rankers import LambdaRankSettings

if TYPE_CHECKING:
    from lightgbm import Booster

KIND = "lambdarank"
TREES = "trees.txt"
TREES_PER_REPORT = 50


@dataclass(frozen=True)
class LambdaRanker:
    """Fitted trees; see `rankers.Ranker`.

    Attributes:
        booster: holds the trees that count and no others.
        feature_names: the columns it was fitted on, in order.
        threads: CPU threads of scoring.
    """

    booster: Booster
    feature_names: tuple[str, ...]
    threads: int = 1

    @property
    def best_iteration(self) -> int:
        """Number of trees."""
        return self.booster.num_trees()

    def score(self, features: np.ndarray) -> np.ndarray:
        """Score (n, n_features) float32 rows: (n,) float32, higher is better, comparable within a customer alone.

        Raises:
            ValueError: when the features are of another width or dtype.
        """
        from recommender.models.ranking.tree_scoring import score_trees

        check_width(features, self.feature_names)
        return score_trees(self.booster, features, self.threads).astype(np.float32)

    def contributions(self, features: np.ndarray) -> np.ndarray:
        """Return what each feature adds to a row's score, its Shapley value over the trees.

        Args:
            features: (n, n_features) float32.

        Returns:
            (n, n_features + 1) float64; the last column is the score expected without any feature, and a row sums
            to its score. Source: Lundberg et al. 2018 (https://arxiv.org/abs/1802.03888).

        Raises:
            ValueError: when the features are of another width or dtype.
        """
        check_width(features, self.feature_names)
        if not len(features):
            return np.empty((0, len(self.feature_names) + 1))
        return self.booster.predict(features, pred_contrib=True, num_threads=self.threads)

    def save(self, folder: Path) -> None:
        """Write the trees as text, and kind and feature names as JSON, into a folder, made when missing."""
        write_description(folder, KIND, self.feature_names, threads=self.threads)
        self.booster.save_model(folder / TREES)


def fit_lambdarank(
    rows: RankingRows,
    validation: RankingRows | None,
    settings: LambdaRankSettings,
    seed: int,
    report: Callable[[str], None] = print,
    k: int = 12,
) -> LambdaRanker:
    """Grow trees on the customer-weeks in which something was bought, up to the best validation NDCG@k.

    Of what they did not buy a sample teaches, see `LambdaRankSettings`; the validation week is judged whole. Memory
    holds these rows as bins, a byte or two for each feature, and no feature itself.

    Args:
        rows: what to learn from.
        validation: a later week with the same features, or None to grow `n_trees`.
        settings: how.
        seed: of drawing rows and features.
        report: called with a line every 50 trees.
        k: how many articles of a list count.

    Raises:
        NotEnoughData: when nothing was bought.
        ValueError: when the features of validation are others.
    """
    import lightgbm

    from recommender.models.ranking.binned_rows import bin_rows

    parameters = _parameters(settings, seed, k)
    taken = with_some_not_bought(rows_to_learn_from(rows, "training"), settings.not_bought, seed)
    learned = bin_rows(taken, parameters)
    judged, callbacks = [], []
    if validation is not None:
        validation.check_features(rows.feature_names)
        judged.append(bin_rows(rows_to_learn_from(validation, "validation"), parameters, learned))
        callbacks = [lightgbm.early_stopping(settings.patience, verbose=False), _reporter(report, k)]
    grown = lightgbm.train(
        parameters,
        learned,
        num_boost_round=settings.n_trees,
        valid_sets=judged,
        valid_names=["validation"] * len(judged),
        callbacks=callbacks,
    )
    trees = grown.model_to_string(num_iteration=grown.best_iteration)  # -1, all of them, without validation
    return LambdaRanker(lightgbm.Booster(model_str=trees), rows.feature_names, settings.threads)


def load_lambdaranker(folder: Path) -> LambdaRanker:
    """Read back what `LambdaRanker.save` wrote, ready to score.

    Raises:
        FileNotFoundError: when the folder holds no ranker.
        ValueError: when the trees were grown on other features than the description names.
    """
    import lightgbm

    description = read_description(folder)
    names = tuple(description["feature_names"])
    booster = lightgbm.Booster(model_str=(folder / TREES).read_text())
    if booster.feature_name() != list(names):
        raise ValueError(
            f"{folder / TREES} was grown on {', '.join(booster.feature_name())}, its description names "
            f"{', '.join(names)}; fit the ranker again"
        )
    return LambdaRanker(booster, names, description["threads"])


def _parameters(settings: LambdaRankSettings, seed: int, k: int) -> dict:
    return {
        "objective": "lambdarank",
        "lambdarank_truncation_level": settings.truncation_level,
        "metric": "ndcg",
        "eval_at": [k],
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.min_rows_in_leaf,
        "feature_fraction": settings.feature_fraction,
        "lambda_l2": settings.l2,
        "max_bin": settings.max_bins,
        "num_threads": settings.threads,
        "seed": seed,
        "deterministic": True,  # holds without bagging only: with it two threads grew other trees in every run
        "force_row_wise": True,  # otherwise a stopwatch decides, and with it the order of sums
        "verbosity": -1,
    }


def _reporter(report: Callable[[str], None], k: int) -> Callable:
    def say(environment) -> None:
        trees = environment.iteration + 1
        if trees % TREES_PER_REPORT == 0:
            report(f"trees {trees:>4}  validation NDCG@{k} {environment.evaluation_result_list[0][2]:.4f}")

    return say
