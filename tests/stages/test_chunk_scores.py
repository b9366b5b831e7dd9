"""Whatever form a generator's scores have: the best are what sorting finds, and any pair can be asked for."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recommender.stages.chunk_scores import (
    DenseScores,
    ProductScores,
    SharedScores,
    SparseScores,
    best_of_each_row,
)

NO = -np.inf


def expected_best(scores, size):
    """Sort each row by falling score and rising column; return the keys of the first finite ones, ascending."""
    keys = []
    for row, values in enumerate(scores):
        best = sorted(np.flatnonzero(np.isfinite(values)), key=lambda column: (-values[column], column))
        keys += sorted(row * len(values) + column for column in best[:size])
    return keys


@st.composite
def scores_and_size(draw, values=(NO, -1.5, 0.25, 3.0)):
    """Few distinct scores, so that many are tied, some of them -inf."""
    n, m = draw(st.integers(0, 4)), draw(st.integers(1, 7))
    drawn = draw(st.lists(st.lists(st.sampled_from(values), min_size=m, max_size=m), min_size=n, max_size=n))
    return np.array(drawn, np.float32).reshape(n, m), draw(st.integers(0, m + 2))


def dense(scores):
    return DenseScores(scores)


def sparse_matrix(scores):
    """Entries in falling order of columns, as a product of matrices may leave them."""
    entries = np.where(np.isfinite(scores), scores, 0)[:, ::-1]
    matrix = sparse.csr_matrix(entries)
    matrix.indices = scores.shape[1] - 1 - matrix.indices
    matrix.has_sorted_indices = False
    return SparseScores.of(matrix)


def shared(scores):
    """Every row is the group of its own, numbered from behind."""
    return SharedScores(scores[::-1].copy()).of_groups(np.arange(len(scores))[::-1])


def product(scores):
    """Customers are unit vectors; the columns in which somebody has no score are no part of the product."""
    columns = np.flatnonzero(np.isfinite(scores).any(axis=0))
    articles = torch.from_numpy(np.ascontiguousarray(scores[:, columns].T))
    return ProductScores(torch.eye(len(scores)), articles, columns, scores.shape[1])


def possible(form, scores):
    """A product has no score of a whole column, or a score of every customer."""
    return np.where(np.isfinite(scores).all(axis=0), scores, np.float32(NO)) if form is product else scores


FORMS = pytest.mark.parametrize("form", [dense, sparse_matrix, shared, product])


@FORMS
@given(case=scores_and_size())
@settings(max_examples=200, deadline=None)
def test_the_best_are_what_sorting_finds(form, case):
    scores, size = possible(form, case[0]), case[1]
    found = form(scores).best(size)
    assert found.dtype == np.int64
    assert found.tolist() == expected_best(scores, size)


@FORMS
@given(case=scores_and_size())
@settings(max_examples=100, deadline=None)
def test_any_pair_can_be_asked_for(form, case):
    scores = possible(form, case[0])
    found = form(scores).at(np.arange(scores.size))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, scores.ravel())


def test_an_entry_of_zero_proposes_nothing():
    """A product of sparse matrices may hold one."""
    found = SparseScores(np.array([0, 1, 5]), np.float32([0, 2, -1]), 3)
    assert found.best(2).tolist() == [1, 5]
    assert found.at(np.arange(6)).tolist() == [NO, 2, NO, NO, NO, -1]


def test_groups_may_have_several_customers_or_none():
    scores = SharedScores(np.array([[1, 2, NO], [NO, NO, NO], [5, 4, 3]], np.float32))
    found = scores.of_groups(np.array([2, 0, 2]))
    assert found.best(2).tolist() == [0, 1, 3, 4, 6, 7]
    assert scores.of_groups(np.array([1])).best(2).tolist() == []
    assert found.at(np.array([0, 5, 8])).tolist() == [5, NO, 3]


def test_ties_go_to_the_lower_column_by_hand():
    scores = np.array([[1, 3, 1, 1], [NO, 2, NO, NO]], np.float32)
    assert best_of_each_row(scores, 2).tolist() == [[True, True, False, False], [False, True, False, False]]
    assert best_of_each_row(scores, 4).tolist() == [[True] * 4, [False, True, False, False]]
    assert not best_of_each_row(scores, 0).any()
    assert DenseScores(scores).best(2).tolist() == [0, 1, 5]


@given(case=scores_and_size())
@settings(max_examples=200, deadline=None)
def test_best_of_each_row_is_what_sorting_finds(case):
    scores, size = case
    assert np.flatnonzero(best_of_each_row(scores, size)).tolist() == expected_best(scores, size)
