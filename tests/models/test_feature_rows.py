"""Features in memory, in a file, chosen or joined: a slice of them is the slice of one array."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.models.ranking import feature_rows
from recommender.models.ranking.feature_rows import ChosenRows, JoinedRows, StoredRows, blocks_of, column_of

NAMES = ("price", "age")


def numbered(n_rows: int) -> np.ndarray:
    """Rows (0, 100), (1, 101) and so on."""
    return np.stack([np.arange(n_rows), 100 + np.arange(n_rows)], axis=1).astype(np.float32)


@pytest.fixture
def blocks_of_three(monkeypatch):
    monkeypatch.setattr(feature_rows, "ROWS_PER_BLOCK", 3)


@given(st.integers(0, 7), st.integers(0, 9), st.integers(0, 9))
def test_a_slice_of_stored_rows_is_what_was_written(tmp_path_factory, cut, start, stop):
    rows = numbered(7)
    path = tmp_path_factory.mktemp("rows") / "features"
    stored = StoredRows.write(path, [rows[:cut], rows[cut:]], NAMES)
    assert stored.shape == (7, 2)
    np.testing.assert_array_equal(stored[start:stop], rows[start:stop])
    np.testing.assert_array_equal(StoredRows(path, (7, 2))[:], rows)


@given(st.sets(st.integers(0, 19)), st.integers(0, 20), st.integers(0, 20))
def test_a_slice_of_chosen_rows_is_that_of_a_copy(chosen, start, stop):
    rows, chosen = numbered(20), np.array(sorted(chosen), np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feature_rows, "ROWS_PER_BLOCK", 3)
        taken = ChosenRows(rows, chosen)[start:stop]
    np.testing.assert_array_equal(taken, rows[chosen][start:stop])
    assert taken.dtype == np.float32


def test_chosen_rows_read_no_more_than_a_block_of_their_source(tmp_path, blocks_of_three):
    """Rows 0 and 1,000 are wanted: what lies between them is not read."""

    class Counted:
        shape = 1001, 2
        read = 0

        def __getitem__(self, rows: slice) -> np.ndarray:
            self.read += rows.stop - rows.start
            return numbered(1001)[rows]

    source = Counted()
    assert ChosenRows(source, np.array([0, 1000]))[:][:, 0].tolist() == [0, 1000]
    assert source.read == 2


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4), st.integers(0, 17), st.integers(0, 17))
def test_a_slice_of_joined_rows_is_that_of_the_concatenation(sizes, start, stop):
    rows = numbered(sum(sizes))
    joined = JoinedRows(tuple(np.split(rows, np.cumsum(sizes)[:-1])))
    assert joined.shape == rows.shape
    np.testing.assert_array_equal(joined[start:stop], rows[start:stop])


def test_blocks_are_all_rows_in_order(blocks_of_three):
    assert [block[:, 0].tolist() for block in blocks_of(numbered(7))] == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(blocks_of(numbered(0))) == []


@pytest.mark.parametrize("n_rows", [0, 7])
def test_a_column_is_one_feature_of_all_rows(n_rows, blocks_of_three):
    found = column_of(numbered(n_rows), 1)
    assert found.tolist() == [100 + row for row in range(n_rows)]
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("block", "error", "message"),
    [
        (np.array([[1, np.inf]], np.float32), ValueError, "age is infinite in some row; write NaN where"),
        (np.zeros((1, 3), np.float32), ValueError, r"features must be \(n_rows, 2\).*got \(1, 3\)"),
        (np.zeros((1, 2)), TypeError, "features must be float32, got float64"),
    ],
)
def test_a_block_that_no_ranker_can_learn_from_is_not_written(tmp_path, block, error, message):
    with pytest.raises(error, match=message):
        StoredRows.write(tmp_path / "features", [numbered(2), block], NAMES)


def test_an_infinite_value_in_a_later_block_is_seen(tmp_path, blocks_of_three):
    rows = numbered(7)
    rows[6, 0] = -np.inf
    with pytest.raises(ValueError, match="price is infinite"):
        StoredRows.write(tmp_path / "features", [rows], NAMES)


def test_half_a_file_is_refused(tmp_path):
    path: Path = tmp_path / "features"
    StoredRows.write(path, [numbered(7)], NAMES)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"must have 56 bytes, \(7, 2\) float32, it has 55"):
        StoredRows(path, (7, 2))
    with pytest.raises(FileNotFoundError):
        StoredRows(tmp_path / "nowhere", (7, 2))
