"""Features of one scale, against arithmetic."""

import math

import numpy as np
import pytest
import torch

from recommender.models.ranking.feature_scaling import FeatureScaling

NAN = math.nan


def test_features_are_scaled_by_the_rows_they_were_learned_from():
    scaling = FeatureScaling.of(np.array([[1, 5], [3, 5], [NAN, 5]], np.float32))
    scaled = scaling(torch.tensor([[1.0, 5.0], [5.0, 6.0], [NAN, NAN]]))
    # mean 2 and deviation 1 of the known values; the second column never varied; the third is "the first is unknown"
    assert scaled.tolist() == [[-1, 0, 0], [3, 0, 0], [0, 0, 1]]


def test_heavy_tails_are_taken_as_logarithms_and_outliers_are_bounded():
    counts = np.zeros((100, 1), np.float32)
    counts[0] = math.e**2 - 1  # log(1 + x) is 2 once and 0 elsewhere: mean 0.02
    scaling = FeatureScaling.of(counts)
    deviation = math.sqrt(0.01 * (2 - 0.02) ** 2 + 0.99 * 0.02**2)
    assert scaling(torch.zeros(1, 1)).item() == pytest.approx(-0.02 / deviation, rel=1e-4)
    assert scaling(torch.full((1, 1), 1e30)).item() == 8
    assert scaling(torch.full((1, 1), -5.0)).item() == scaling(torch.zeros(1, 1)).item()


def test_a_feature_that_is_never_known_has_no_say():
    scaling = FeatureScaling.of(np.array([[NAN, 1], [NAN, 2]], np.float32))
    assert scaling(torch.tensor([[NAN, 1.5], [7.0, 1.5]])).tolist() == [[0, 0], [0, 0]]
