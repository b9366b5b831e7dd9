"""The rankers by name: which there are, how one is fitted, saved and read back, and how well it orders candidates.

Stage: after the candidate generators, before the lists. In: `RankingRows`. Out: a `Ranker`, whose folder says of
which kind it is.

    lambdarank   LightGBM's boosted trees on the lambdarank gradient
    deep_cross   DCN-v2 of Merlin blocks on a softmax over each customer's candidates

LightGBM and Merlin are imported when a ranker of theirs is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from recommender.errors import NotEnoughData
from recommender.models.ranking_rows import RankingRows
from recommender.ranker_settings import RANKER_SETTINGS
from recommender.ranking_metrics import average_precision_at_k, mean_over_customers

DESCRIPTION = "ranker.json"
"""The file in a ranker's folder that holds its kind and the names of its features."""


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
    from recommender.models.lambdarank import fit_lambdarank, load_lambdaranker

    return RankerKind(fit_lambdarank, load_lambdaranker)


def _deep_cross() -> RankerKind:
    from recommender.models.deep_cross_ranker import fit_deep_cross, load_deep_cross

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
    return _kind(read_description(folder)["kind"]).load(folder)


def score_rows(ranker: Ranker, rows: RankingRows) -> np.ndarray:
    """Score rows whose features are by name and order those the ranker was fitted on: (n_rows,) float32.

    Raises:
        ValueError: when they are not.
    """
    rows.check_features(ranker.feature_names)
    return ranker.score(rows.features)


def map_within_candidates(scores: np.ndarray, rows: RankingRows, k: int = 12) -> float:
    """MAP@k of each group's candidates, best score first, counting only what was bought among them.

    A perfect order scores 1, no matter what the candidate generators missed. Groups without a bought row are left out;
    equal scores keep the order of the rows. See `ranking_metrics.average_precision_at_k`.

    Args:
        scores: (n_rows,) float.
        rows: what was scored.

    Returns:
        The mean over groups in [0, 1]; NaN when nothing was bought.

    Raises:
        ValueError: when there is not one score for each row.
    """
    if scores.shape != (len(rows),):
        raise ValueError(f"scores must be ({len(rows)},), one for each row, got {scores.shape}")
    groups, sizes = rows.groups(), rows.group_sizes
    order = np.lexsort((-scores, groups))  # stable, and groups stay where they are: groups[order] == groups
    ranks = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # from 0, of the rows in order
    is_hit = rows.is_bought[order] & (ranks < k)
    hits = np.zeros((len(sizes), k), dtype=bool)
    hits[groups[is_hit], ranks[is_hit]] = True
    return mean_over_customers(average_precision_at_k(hits, rows.bought_counts()))


def rows_to_learn_from(rows: RankingRows, name: str) -> RankingRows:
    """Return the groups in which something was bought.

    Args:
        name: what the rows are, for the error.

    Raises:
        NotEnoughData: when there is none.
    """
    kept = rows.with_positives_only()
    if not len(kept):
        raise NotEnoughData(
            f"no customer bought a candidate in the {name} rows ({len(rows):,} rows of {len(rows.group_sizes):,} "
            "customer-weeks); take more weeks or more candidates"
        )
    return kept


def check_width(features: np.ndarray, names: tuple[str, ...]) -> None:
    """Check that features to score are (n, number of names) float32.

    Raises:
        ValueError: when they are not.
    """
    if features.ndim != 2 or features.shape[1] != len(names) or features.dtype != np.float32:
        raise ValueError(
            f"features must be (n, {len(names)}) float32, {', '.join(names)}, got {features.shape} {features.dtype}"
        )


def write_description(folder: Path, kind: str, ranker: Ranker, **values: Any) -> None:
    """Write the kind, the feature names and further plain values of a ranker into its folder, made when missing."""
    folder.mkdir(parents=True, exist_ok=True)
    description = {"kind": kind, "feature_names": ranker.feature_names, **values}
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2))


def read_description(folder: Path) -> dict[str, Any]:
    """Read what `write_description` wrote.

    Raises:
        FileNotFoundError: when the folder holds no ranker.
    """
    return json.loads((folder / DESCRIPTION).read_text())


def _kind(kind: str) -> RankerKind:
    if kind not in RANKERS:
        raise ValueError(f"no ranker is called {kind!r}; there are {', '.join(RANKERS)}")
    return RANKERS[kind]()
