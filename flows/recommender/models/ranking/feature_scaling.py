"""Features of one scale, as a network needs them: any number in, numbers near 0 out, and which were unknown.

Stage: first layer of a ranker that is a network. In: the training rows' features. Out: `FeatureScaling`, a module whose
buffers are saved with the weights, so that rows are scaled in scoring as they were in training.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

HEAVY_TAIL_SKEWNESS = 2.0  # that of an exponential distribution
LARGEST_SCALED = 8.0


class FeatureScaling(nn.Module):
    """Bring features to mean 0 and standard deviation 1, and say beside them which were unknown.

    Args:
        is_heavy_tailed: (n_features,) bool, taken as log(1 + x).
        mean: (n_features,) float32 over the known values.
        scale: (n_features,) float32, 1 / standard deviation; 0 for a feature that never varied, which so has no say.
        is_sometimes_missing: (n_features,) bool, known in some rows and unknown in others.
    """

    def __init__(self, is_heavy_tailed: Tensor, mean: Tensor, scale: Tensor, is_sometimes_missing: Tensor):
        super().__init__()
        self.register_buffer("is_heavy_tailed", is_heavy_tailed)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.register_buffer("is_sometimes_missing", is_sometimes_missing)

    @classmethod
    def of(cls, features: np.ndarray) -> FeatureScaling:
        """Learn the scaling of (n, n_features) float32 rows, NaN where unknown."""
        columns = [_column_statistics(features[:, column]) for column in range(features.shape[1])]
        is_heavy_tailed, mean, scale, is_sometimes_missing = zip(*columns, strict=True)
        return cls(
            torch.tensor(is_heavy_tailed), torch.tensor(mean), torch.tensor(scale), torch.tensor(is_sometimes_missing)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Scale (n, n_features) into (n, n_features + number of sometimes missing ones), finite, unknown as 0."""
        logs = torch.where(self.is_heavy_tailed, features.clamp(min=0).log1p(), features)
        scaled = ((logs - self.mean) * self.scale).nan_to_num().clamp(-LARGEST_SCALED, LARGEST_SCALED)
        return torch.cat([scaled, features[:, self.is_sometimes_missing].isnan().to(scaled.dtype)], dim=1)


def _column_statistics(values: np.ndarray) -> tuple[bool, np.float32, np.float32, bool]:
    """Return what `FeatureScaling` takes of one feature: is it heavy-tailed, mean, scale, is it sometimes missing."""
    known = values[~np.isnan(values)].astype(np.float64)
    if not len(known) or known.min() == known.max():
        return False, np.float32(0), np.float32(0), 0 < len(known) < len(values)
    is_heavy_tailed = bool(known.min() >= 0 and _skewness(known) > HEAVY_TAIL_SKEWNESS)
    known = np.log1p(known) if is_heavy_tailed else known
    return is_heavy_tailed, np.float32(known.mean()), np.float32(1 / known.std()), len(known) < len(values)


def _skewness(values: np.ndarray) -> float:
    return float((((values - values.mean()) / values.std()) ** 3).mean())
