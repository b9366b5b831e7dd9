"""The rankers by name: which there are, how one is fitted, saved and read back.

Stage: after the candidate generators, before the lists. In: `RankingRows`. Out: a `Ranker`, whose folder says of
which kind it is.

    lambdarank   LightGBM's boosted trees on the lambdarank gradient
    deep_cross   DCN-v2 of Merlin blocks on a softmax over each customer's candidates

LightGBM and Merlin are imported when a ranker of theirs is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from recommender.models.ranking.feature_rows import blocks_of
from recommender.models.ranking.ranker_files import read_description
from recommender.models.ranking.ranking_rows import RankingRows
from recommender.settings.rankers import RANKER_SETTINGS
from recommender.state_files import here


class Ranker(Protocol):
    """What every ranker can do.

    Attributes:
        feature_names: the columns it was fitted on, in order.
        best_iteration: trees or epochs it consists of; fitted without validation on that many, it is the same ranker.
    """

    feature_names: tuple[str, ...]

    @property
    def best_iteration(self) -> int:
        """Number of trees or epochs."""

    def score(self, features: np.ndarray) -> np.ndarray:
        """Score (n, n_features) float32 rows: (n,) float32, higher is better, comparable within a customer alone."""

    def save(self, folder: Path) -> None:
        """Write everything that scoring needs into a folder, made when missing."""


class RankerKind(NamedTuple):
    """How rankers of one kind are made."""

    fit: Callable[..., Ranker]
    load: Callable[[Path], Ranker]


def _lambdarank() -> RankerKind:
    from recommender.models.ranking.lambdarank import fit_lambdarank, load_lambdaranker

    return RankerKind(fit_lambdarank, load_lambdaranker)


def _deep_cross() -> RankerKind:
    from recommender.models.ranking.deep_cross_ranker import fit_deep_cross, load_deep_cross

    return RankerKind(fit_deep_cross, load_deep_cross)


RANKERS: Mapping[str, Callable[[], RankerKind]] = {"lambdarank": _lambdarank, "deep_cross": _deep_cross}


LENGTH_SETTING = {"lambdarank": "n_trees", "deep_cross": "epochs"}
"""The setting of each kind that says how long to learn, what `Ranker.best_iteration` is an answer to."""


def fit_ranker(
    kind: str,
    rows: RankingRows,
    validation: RankingRows | None,
    settings: Mapping[str, Any],
    seed: int,
    report: Callable[[str], None] = print,
    k: int = 12,
) -> Ranker:
    """Fit a ranker of a kind.

    Args:
        kind: a key of `RANKERS`.
        rows: what to learn from.
        validation: a later week that tells when to stop, or None to use all the trees or epochs of the settings.
        settings: fields of the kind's settings; the others keep their defaults.
        seed: of everything random.
        report: called with a line from time to time.
        k: how many articles of a list count in validation.

    Raises:
        ValueError: for an unknown kind or setting, and where the kind's own `fit` does.
    """
    found, of_kind = _kind(kind), RANKER_SETTINGS[kind]
    names = [field.name for field in fields(of_kind)]
    if unknown := sorted(settings.keys() - set(names)):
        raise ValueError(f"{kind} has no setting {', '.join(unknown)}; it takes {', '.join(names)}")
    return found.fit(rows, validation, of_kind(**settings), seed, report, k)


def load_ranker(folder: Path) -> Ranker:
    """Read back a ranker of any kind.

    Raises:
        FileNotFoundError: when the folder holds no ranker.
        ValueError: when its kind is unknown.
    """
    return _kind(read_description(here(folder))["kind"]).load(folder)


def score_rows(ranker: Ranker, rows: RankingRows) -> np.ndarray:
    """Score rows whose features are by name and order those the ranker was fitted on, a block at a time.

    Returns:
        (n_rows,) float32.

    Raises:
        ValueError: when they are not.
    """
    rows.check_features(ranker.feature_names)
    scores = [ranker.score(block) for block in blocks_of(rows.features)]
    return np.concatenate([np.empty(0, np.float32), *scores])


def _kind(kind: str) -> RankerKind:
    if kind not in RANKERS:
        raise ValueError(f"no ranker is called {kind!r}; there are {', '.join(RANKERS)}")
    return RANKERS[kind]()
