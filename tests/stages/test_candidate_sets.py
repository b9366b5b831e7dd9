"""The union of what the generators propose: right, whole, and the same however it is cut into chunks."""

import numpy as np
import pytest
from planted_day import BOB, CAT, planted_day, planted_two_tower

from recommender.stages import candidate_sets as candidate_sets_module
from recommender.stages.candidate_sets import candidate_sets, union
from recommender.stages.pair_features import FEATURE_NAMES
from recommender.stages.retrieve import fit_generators

SIZES = {"two_tower": 1, "own": 1, "popular": 1}


def collect(sizes=SIZES, rows=None):
    """Return the planted day's candidate sets."""
    day = planted_day()
    two_tower = planted_two_tower() if sizes.keys() & {"two_tower", "fresh"} else None
    return list(candidate_sets(day, fit_generators(day, sizes, two_tower), sizes, rows))


def test_the_union_says_who_proposed_what():
    """Own: Ann's article 0, Bob's column 2. Popular: column 1. Two-tower: columns 0, 3 and 4."""
    (chunk,) = collect()
    assert chunk.columns.tolist() == [0, 1, 1, 2, 3, 1, 4]
    assert chunk.offsets.tolist() == [0, 2, 5, 7]
    assert chunk.owners.tolist() == [0, 0, 1, 1, 1, 2, 2]
    assert {name: np.flatnonzero(marks).tolist() for name, marks in chunk.proposed_by.items()} == {
        "two_tower": [0, 4, 6],
        "own": [0, 3],
        "popular": [1, 2, 5],
    }
    assert chunk.features.shape == (7, len(FEATURE_NAMES))
    assert chunk.feature_names == FEATURE_NAMES
    assert chunk.features[:, FEATURE_NAMES.index("n_generators")].tolist() == [2, 1, 1, 1, 1, 1, 1]


def test_scores_of_all_generators_describe_every_pair():
    """The two-tower did not propose Ann's column 1, and still says 2 of it; Bob does not own column 1."""
    (chunk,) = collect()
    two_tower, own = (chunk.features[:, FEATURE_NAMES.index(f"{name}_score")] for name in ("two_tower", "own"))
    assert two_tower.tolist() == [3, 2, 1, 2, 3, 3, 4]
    assert np.isfinite(own).tolist() == [True, True, False, True, False, False, False]


def test_only_the_rows_asked_for_are_served_in_the_order_asked_for():
    (chunk,) = collect(rows=np.array([CAT, BOB]))
    assert chunk.rows.tolist() == [CAT, BOB]
    assert chunk.columns.tolist() == [1, 4, 1, 2, 3]
    assert chunk.offsets.tolist() == [0, 2, 5]
    assert chunk.features[:, FEATURE_NAMES.index("two_tower_score")].tolist() == [3, 4, 1, 2, 3]


def test_nobody_to_serve_is_no_chunk():
    assert collect(rows=np.empty(0, np.int64)) == []


@pytest.mark.parametrize("scores_per_chunk", [1, 5, 10, 14])
def test_chunks_join_to_what_one_chunk_holds(monkeypatch, scores_per_chunk):
    sizes = dict.fromkeys(("two_tower", "own", "ease", "item_knn", "last_basket", "rising", "popular", "fresh"), 2)
    (whole,) = collect(sizes)
    monkeypatch.setattr(candidate_sets_module, "SCORES_PER_CHUNK", scores_per_chunk)
    chunks = collect(sizes)
    assert [len(chunk.rows) for chunk in chunks] == ([2, 1] if scores_per_chunk >= 10 else [1, 1, 1])
    for name in ("rows", "columns", "features"):
        np.testing.assert_array_equal(np.concatenate([getattr(chunk, name) for chunk in chunks]), getattr(whole, name))
    for name, marks in whole.proposed_by.items():
        np.testing.assert_array_equal(np.concatenate([chunk.proposed_by[name] for chunk in chunks]), marks)
    sizes_of_chunks = np.concatenate([np.diff(chunk.offsets) for chunk in chunks])
    np.testing.assert_array_equal(sizes_of_chunks, np.diff(whole.offsets))


def test_customers_without_candidates_have_none_and_move_nobody():
    (chunk,) = collect({"own": 2}, rows=np.array([CAT, BOB, CAT]))
    assert chunk.offsets.tolist() == [0, 0, 1, 1]
    assert chunk.columns.tolist() == [2]


def test_a_chunk_of_customers_without_candidates_is_empty():
    (chunk,) = collect({"own": 2, "ease": 2}, rows=np.array([CAT]))
    assert chunk.offsets.tolist() == [0, 0]
    assert chunk.features.shape == (0, len(FEATURE_NAMES))
    assert chunk.features.dtype == np.float32


def test_the_union_holds_each_pair_once_with_everybody_who_proposes_it():
    keys, proposed_by = union({"a": np.array([3, 7]), "b": np.array([7, 1, 3]), "c": np.array([], np.int64)})
    assert keys.tolist() == [1, 3, 7]
    assert {name: marks.tolist() for name, marks in proposed_by.items()} == {
        "a": [False, True, True],
        "b": [True, True, True],
        "c": [False, False, False],
    }
