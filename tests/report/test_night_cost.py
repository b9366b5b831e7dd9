"""What a night costs: seconds, what was asked for, and the prices of the settings."""

import pytest

from recommender.config import DEFAULT_FILE, read_file
from recommender.report.night_cost import estimate

STEPS = {
    "build_marts": {"seconds": 1_800.0, "peak_mib": 900},
    "train base-seed7, wide-seed7": {"seconds": 3_600.0, "peak_mib": 900},
}


@pytest.fixture
def toml():
    """The shipped settings with other prices and demands."""
    toml = read_file(DEFAULT_FILE)
    toml["cluster"]["prices"] = {"currency": "EUR", "cpu": 1.0, "memory_gib": 10.0, "gpu": 100.0}
    toml["cluster"]["task"] |= {"cpu": 2, "gpu": 0, "memory": 1_024}
    toml["cluster"]["steps"] = {"build_marts": {"memory": 4_096}}
    toml["resources"] = {"cpu": 3, "gpu": 1, "memory": 2_048}
    return toml


def test_each_step_costs_what_it_asked_for_as_long_as_it_took(toml):
    cost = estimate(STEPS, toml)
    assert cost["steps"] == {
        "build_marts": pytest.approx(0.5 * (2 * 1 + 4 * 10)),
        "train base-seed7, wide-seed7": pytest.approx(3 * 1 + 2 * 10 + 100),
    }
    assert (cost["currency"], cost["night"]) == ("EUR", pytest.approx(21 + 123))


def test_without_prices_there_is_no_estimate(toml):
    del toml["cluster"]["prices"]
    assert estimate(STEPS, toml) is None
    del toml["cluster"]
    assert estimate(STEPS, toml) is None


def test_the_shipped_prices_are_those_of_the_page_on_scale():
    """Two cores and 16 GiB for an hour, as docs/scale.md has a night of H&M's size."""
    prices = read_file(DEFAULT_FILE)["cluster"]["prices"]
    assert 2 * prices["cpu"] + 16 * prices["memory_gib"] == pytest.approx(0.13, abs=0.03)
