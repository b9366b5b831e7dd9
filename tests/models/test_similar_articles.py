"""Similar articles of vectors whose neighbours can be seen: points on a circle."""

import numpy as np
import pytest
import torch
from planted_snapshots import candidates
from torch import nn

from recommender.errors import ModelDiverged
from recommender.models import similar_articles as module
from recommender.models.similar_articles import similar_articles

ANGLES = np.radians([0, 10, 25, 90, 180, 12])
LENGTHS = np.array([1, 5, 0.1, 1, 1, 2])
BIASES = np.array([0, -9, 9, 100, 100, 0])
ON_SALE = np.array([0, 1, 2, 3, 5])
CODES = np.array([7, 8, 9, 10, 11, 8], np.int32)
"""Articles 1 and 5 are variants of one product; article 4 is off sale."""


class OnACircle(nn.Module):
    """Vectors by catalogue position: an angle, a length and a bias."""

    def encode_candidates(self, snapshot):
        """See `TwoTower`."""
        x, y = LENGTHS * np.cos(ANGLES), LENGTHS * np.sin(ANGLES)
        return torch.tensor(np.stack([x, y, BIASES], axis=1), dtype=torch.float32)[snapshot.positions]


def found(k=3, on_sale=ON_SALE):
    return similar_articles(OnACircle(), candidates(6), on_sale, CODES, k)


def test_neighbours_are_those_of_the_smallest_angle_whatever_their_length_and_bias():
    assert found().positions.tolist() == [
        [1, 5, 2],  # 10, 12 and 25 degrees away
        [0, 2, 3],  # 10, 15 and 80; not its variant, which is 2 degrees away
        [5, 1, 0],  # 13, 15 and 25
        [2, 5, 1],  # 65, 78 and 80
        [3, 2, 5],  # off sale itself, it has neighbours on sale: 90, 155 and 168
        [0, 2, 3],  # 12, 13 and 78
    ]
    np.testing.assert_allclose(found().scores[0], np.cos(np.radians([10, 12, 25])), rtol=1e-5)


def test_articles_off_sale_are_nobodys_neighbours():
    assert 4 not in found(k=5).positions


def test_a_short_list_ends_in_minus_one():
    lists = found(k=3, on_sale=np.array([0, 1]))
    assert lists.positions.tolist()[:2] == [[1, -1, -1], [0, -1, -1]]
    assert np.isnan(lists.scores[0, 1:]).all()
    assert (lists.positions.dtype, lists.scores.dtype) == (np.int32, np.float32)


def test_chunks_do_not_change_a_list(monkeypatch):
    whole = found()
    monkeypatch.setattr(module, "ARTICLES_PER_CHUNK", 2)
    np.testing.assert_array_equal(found().positions, whole.positions)


def test_a_diverged_two_tower_has_no_neighbours(monkeypatch):
    monkeypatch.setitem(globals(), "LENGTHS", np.full(6, np.nan))
    with pytest.raises(ModelDiverged, match="diverged; lower its learning_rate"):
        found()


def test_lists_name_positions_of_the_catalogue_and_not_of_the_snapshot():
    some = candidates(6).take(torch.tensor([1, 2, 5]))
    lists = similar_articles(OnACircle(), some, ON_SALE, CODES, 2)
    assert lists.positions.tolist() == [[2, -1], [5, 1], [2, -1]]
