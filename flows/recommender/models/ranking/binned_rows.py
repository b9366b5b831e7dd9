"""Ranking rows as LightGBM's trees learn them: each feature cut into bins, one or two bytes a value.

In: `RankingRows`, whose features may lie in files. Out: a LightGBM data set. The features are read block by block and
never held together. Trees are those of the joined features: LightGBM lays the bins by the same sample of rows.

For `lambdarank` alone, which says when LightGBM may be imported.
"""

from __future__ import annotations

import lightgbm
import numpy as np

from recommender.models.ranking.feature_rows import FeatureRows
from recommender.models.ranking.ranking_rows import RankingRows


class FeatureSequence(lightgbm.Sequence):
    """Features as LightGBM asks for them: some rows one by one, ascending, to lay bins by; then all, in batches."""

    batch_size = 16_384

    def __init__(self, features: FeatureRows):
        self._features = features
        self._start, self._batch = -1, features[:0]  # what the newest single row lay in

    def __len__(self) -> int:
        return self._features.shape[0]

    def __getitem__(self, rows: int | slice) -> np.ndarray:
        if isinstance(rows, slice):
            return self._features[rows]
        start = rows - rows % self.batch_size
        if start != self._start:
            self._start, self._batch = start, self._features[start : start + self.batch_size]
        return self._batch[rows - start].astype(np.float64)  # what LightGBM takes to lay bins by


class BinnedRows(lightgbm.Dataset):
    """A data set whose bins follow from the same parameters whether its rows come at once or in blocks.

    For blocks LightGBM keeps some of them to itself: the seed, by which it draws the rows that bins are laid by, and
    min_data_in_leaf, by which it leaves out what cannot be split. It would go by their defaults.
    """

    def get_params(self) -> dict:
        """Return the parameters that bins are laid by."""
        return dict(self.params)


def bin_rows(rows: RankingRows, parameters: dict, reference: BinnedRows | None = None) -> BinnedRows:
    """Bin rows, or lay them into the bins of `reference`.

    Args:
        rows: what to bin.
        parameters: of LightGBM.
        reference: what the trees that these rows judge are grown on.
    """
    return BinnedRows(
        FeatureSequence(rows.features),
        label=rows.is_bought.astype(np.float32),
        group=rows.group_sizes,
        feature_name=list(rows.feature_names),
        reference=reference,
        params=parameters,
    )
