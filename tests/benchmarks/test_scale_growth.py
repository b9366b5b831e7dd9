"""Growth and tables of the scale benchmark, from planted costs whose power of the size is known."""

import pytest

from benchmarks.scale import report
from benchmarks.scale.growth import expected_cost, growth_of, stage_costs
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
    kept = {"tasks": 1, "peak_mib": 512, "written_mib": 1024}
    seconds = {stage: 10 * times**power for stage, power in powers.items()}
    stages = {stage: {**kept, "seconds": took, "cpu_seconds": took} for stage, took in seconds.items()}
    sizes = {"customers": customers, "on_sale": on_sale, "purchases": purchases, "raw_mib": 2048}
    return {**sizes, "seconds": 60.0 * times, "stages": stages, "floors": FLOORS}


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
    assert growth["publish"] == {"size": "customers x articles on sale", "all": 1.0, "largest": 1.0, "peak": 0.0}
    assert growth["build_marts"] == {"size": "purchases", "all": 1.0, "largest": 1.0, "peak": 0.0}


def test_a_larger_shop_is_expected_to_go_on_as_the_measured_ones_grew():
    """Three times the shop is nine times the search; memory that grew with its square root is three times as much."""
    shop = {"stages": {"publish": {"seconds": 100.0, "peak_mib": 1_000}}}
    growth = {"size": "customers x articles on sale", "all": 0.7, "largest": 1.0, "peak": 0.5}
    assert expected_cost("publish", shop, growth, times=3) == pytest.approx((900.0, 3_000.0))
    assert expected_cost("publish", shop, {**growth, "size": "purchases"}, times=3)[0] == pytest.approx(300.0)


def test_a_stage_that_became_cheaper_is_not_expected_to_go_on_so():
    shop = {"stages": {"choose": {"seconds": 2.0, "peak_mib": 100}}}
    growth = {"size": "purchases", "all": 0.1, "largest": -0.3, "peak": -0.1}
    assert expected_cost("choose", shop, growth, times=100) == (2.0, 100.0)


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
    lines = text.splitlines()
    heads = "demo: 1,000 customers, 20,000 purchases | full: 50,000 customers, 1,000,000 purchases"
    assert f"| stage | {heads} | a second | growth |" in lines
    assert "| build_marts | 10 (10) | 500 (500) | 2,000 purchases | 1.00 of purchases |" in lines
    assert "| all | 1.0 min | resumed | | |" in lines
    assert "| build_marts | 0.5 GiB, 1.0 GiB on disk | 0.5 GiB, 1.0 GiB on disk |" in lines
    assert "| all, on disk | 2.0 GiB of 2.0 GiB raw | 2.0 GiB of 2.0 GiB raw |" in lines
    assert "| search, of faiss | 0.98 | 0.98 |" in lines
    assert "| build_marts | 0.1 h, 0.5 GiB | 1.4 h, 0.5 GiB | 13.9 h, 0.5 GiB |" in lines
    report.draw(results, tmp_path / "scale.png")
    assert (tmp_path / "scale.png").read_bytes().startswith(b"\x89PNG")
