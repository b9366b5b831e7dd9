"""The folder of raw files is switched as a whole; whenever that breaks off, the earlier files come back."""

import pytest

from data.raw_folder import locked, replacement_of, scratch_beside


@pytest.fixture
def folder(tmp_path):
    """A folder of raw files with one file in it."""
    path = tmp_path / "demo"
    path.mkdir()
    (path / "articles.csv").write_text("earlier")
    return path


def kill_between_the_renames(folder):
    """Leave what a process leaves that was killed after the first of the two renames."""
    new = folder.with_name(".demo.new")
    new.mkdir()
    (new / "articles.csv").write_text("never switched in")
    folder.rename(folder.with_name(".demo.old"))


def test_new_files_take_the_place_of_the_earlier_ones(folder):
    with replacement_of(folder) as new:
        (new / "articles.csv").write_text("new")

    assert (folder / "articles.csv").read_text() == "new"
    assert [path.name for path in folder.parent.iterdir()] == ["demo"]


def test_earlier_files_come_back_where_a_killed_process_left_them(folder):
    kill_between_the_renames(folder)

    with locked(folder):
        assert (folder / "articles.csv").read_text() == "earlier"


def test_earlier_files_come_back_even_if_the_next_filling_fails(folder):
    kill_between_the_renames(folder)

    with pytest.raises(ValueError, match="no such source"), replacement_of(folder):
        raise ValueError("no such source")

    assert (folder / "articles.csv").read_text() == "earlier"
    assert [path.name for path in folder.parent.iterdir()] == ["demo"]


def test_earlier_files_come_back_if_the_second_rename_fails(folder):
    with pytest.raises(OSError), replacement_of(folder) as new:
        (new / "articles.csv").write_text("new")
        (new / "articles.csv").unlink()
        new.rmdir()  # so there is nothing to switch in

    assert (folder / "articles.csv").read_text() == "earlier"


def test_what_is_needed_only_meanwhile_goes_also_where_a_killed_process_left_it(folder):
    left = folder.with_name(".demo.scratch")
    left.mkdir()
    (left / "unpacked").write_text("left")

    with scratch_beside(folder) as scratch:
        assert list(scratch.iterdir()) == []

    assert [path.name for path in folder.parent.iterdir()] == ["demo"]
