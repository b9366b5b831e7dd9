"""Growth and tables of the scale benchmark, from planted costs whose power of the size is known."""

import pytest

from benchmarks.scale import report
from benchmarks.scale.growth import growth_of, stage_costs
from benchmarks.scale.whole_runs import large_at_every_size
from recommender import config

FLOORS = {
    "build_marts": {"times_scan": 40.0},
    "train": {"of_towers": 0.75, "of_merlin": 5.4},
    "search": {"ratio": 0.98},
    "scoring": {"ratio": 2.5},
    "publish": {"of_plain_writes": 1.9},
    "matrix": {"gigaflops_a_thread": 80.5},
}


def planted_shop(times: float, **powers: float) -> dict:
    """A shop so many times as large as the smallest, whose stages cost 10 seconds to a power of their own size."""
    customers, on_sale, purchases = 1_000 * times, 100, 20_000 * times
    stages = {
        stage: {"tasks": 1, "seconds": 10 * times**power, "cpu_seconds": 10 * times**power, "peak_mib": 512}
        for stage, power in powers.items()
    }
    sizes = {"customers": customers, "on_sale": on_sale, "purchases": purchases, "seconds": 60.0 * times}
    return {**sizes, "stages": stages, "floors": FLOORS}


def test_the_power_of_the_size_is_found():
    shops = [planted_shop(times, build_marts=1.0, train=0.5, publish=2.0) for times in (1, 5, 50)]
    growth = growth_of(shops)
    assert {stage: each["all"] for stage, each in growth.items()} == {"build_marts": 1.0, "train": 0.5, "publish": 2.0}
    assert {stage: each["largest"] for stage, each in growth.items()} == {
        "build_marts": 1.0,
        "train": 0.5,
        "publish": 2.0,
    }


def test_a_stage_that_searches_may_grow_with_customers_times_articles():
    """Ten times the customers and ten times the articles are a hundred times the search, and ten times the rows."""
    small, large = planted_shop(1, build_marts=1.0, publish=2.0), planted_shop(10, build_marts=1.0, publish=2.0)
    large["on_sale"] = 1_000
    growth = growth_of([small, large])
    assert growth["publish"] == {"size": "customers x articles on sale", "all": 1.0, "largest": 1.0}
    assert growth["build_marts"] == {"size": "purchases", "all": 1.0, "largest": 1.0}


def test_one_shop_says_nothing_of_growth():
    assert growth_of([planted_shop(1, build_marts=1.0)]) == {}


def test_a_stage_of_several_tasks_costs_what_they_cost_together_and_holds_what_one_of_them_held():
    steps = {
        "start": {"seconds": 1.0, "cpu_seconds": 1.0, "peak_mib": 100, "written_mib": 1},
        "train base-seed7": {"seconds": 10.0, "cpu_seconds": 9.0, "peak_mib": 700, "written_mib": 5},
        "train loyal-seed7": {"seconds": 12.0, "cpu_seconds": 9.5, "peak_mib": 600, "written_mib": 6},
    }
    assert stage_costs(steps) == {
        "start": {"tasks": 1, "seconds": 1.0, "cpu_seconds": 1.0, "peak_mib": 100, "written_mib": 1},
        "train": {"tasks": 2, "seconds": 22.0, "cpu_seconds": 18.5, "peak_mib": 700, "written_mib": 11},
    }


def test_every_shop_is_large_with_the_changed_settings():
    toml = config.read_toml(large_at_every_size(config.DEFAULT_FILE.read_text(encoding="utf-8")))
    settings = config.Settings.of(toml, "kaggle-hm", 50_000)
    assert settings == config.Settings.of(config.read_file(config.DEFAULT_FILE), "kaggle-hm", 50_000_000)


def test_settings_that_do_not_say_what_a_large_shop_is_are_refused():
    with pytest.raises(ValueError, match="from_purchases once, they do 0 times"):
        large_at_every_size("[lists]\nk = 12\n")


def test_tables_and_plot_show_every_shop(tmp_path):
    results = {
        "full": planted_shop(50, build_marts=1.0, publish=1.2),
        "demo": planted_shop(1, build_marts=1.0, publish=1.2),
    }
    results["full"]["seconds"] = None
    text = report.tables(results)
    assert "| demo: 1,000 customers, 20,000 purchases | full: 50,000 customers, 1,000,000 purchases | growth |" in text
    assert "| build_marts | 10 s, 10 s, 0.5 GiB | 500 s, 500 s, 0.5 GiB | 1.00 of purchases |" in text
    assert "| all | 1 min | resumed | |" in text
    assert "| search, of faiss | 0.98 | 0.98 |" in text
    report.draw(results, tmp_path / "scale.png")
    assert (tmp_path / "scale.png").read_bytes().startswith(b"\x89PNG")
