"""How much memory DuckDB may take: the variable's value, or a share of the machine that leaves room for others."""

import os

import duckdb
import pytest
from tiny_shop import build_shop

from recommender.features import warehouse
from recommender.features.warehouse import WarehouseError
from recommender.features.warehouse_memory import GIB, machine_memory, memory_limit

NO_SIZE = "Memory must have a number"
PHYSICAL = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("WAREHOUSE_MEMORY", raising=False)


def test_the_variable_is_taken_as_it_is(monkeypatch):
    monkeypatch.setenv("WAREHOUSE_MEMORY", "900MB")
    assert memory_limit() == "900MB"


@pytest.mark.parametrize(("machine_gib", "limit"), [(24, "6.0GiB"), (12, "6.0GiB"), (4, "2.0GiB"), (1, "0.5GiB")])
def test_without_it_half_of_the_machine_and_at_most_six_gibibytes(monkeypatch, machine_gib, limit):
    monkeypatch.setattr("recommender.features.warehouse_memory.machine_memory", lambda: machine_gib * GIB)
    assert memory_limit() == limit


@pytest.mark.parametrize(
    ("text", "memory"), [("1048576\n", 1_048_576), ("max\n", PHYSICAL), (f"{2 * PHYSICAL}", PHYSICAL)]
)
def test_a_container_has_no_more_than_its_limit(tmp_path, text, memory):
    (tmp_path / "memory.max").write_text(text)
    assert machine_memory(tmp_path / "memory.max") == memory


def test_a_machine_without_control_groups_has_all_its_memory(tmp_path):
    assert machine_memory(tmp_path / "missing") == PHYSICAL


def test_dbt_and_the_export_both_get_it(shop, monkeypatch, tmp_path):
    """Told by what DuckDB says of a limit that is none."""
    monkeypatch.setenv("WAREHOUSE_MEMORY", "a lot")
    with pytest.raises(WarehouseError, match=NO_SIZE):
        build_shop(shop.raw_dir, tmp_path / "shop.duckdb", tmp_path / "marts")
    with pytest.raises(duckdb.Error, match=NO_SIZE):
        warehouse._export_marts(shop.warehouse_path, tmp_path / "marts", 1, tmp_path / "spilled")
