"""The generated data holds the profile of the real H&M data within the stated tolerances."""

import pytest

from data.data_profile import Line, Tolerance, flat, main, popularity_bound, profile_lines, tolerance_of
from data.profile_measures import share_in_top, total_variation
from data.synthetic_hm import generate


@pytest.fixture(scope="module")
def default_lines(tmp_path_factory):
    """Every line for the default scale and seed, the data that `make run` uses."""
    return profile_lines(generate(tmp_path_factory.mktemp("profile") / "demo").raw_dir)


def test_every_number_of_the_default_demo_is_within_its_tolerance(default_lines):
    assert [line for line in default_lines if line.verdict == "off"] == []


def test_only_two_numbers_are_for_information(default_lines):
    informative = {line.name for line in default_lines if line.verdict == "info"}
    assert informative == {"articles.unsold_share", "next_week_truth.popular_last_week_recall@12"}


def test_table_names_what_the_real_task_is_hard_by(default_lines):
    names = " ".join(line.name for line in default_lines)
    for measure in ("repeating", "duplicate", "days_between", "top_articles", "sales_span", "own_recent", "by_month"):
        assert measure in names


def test_short_data_is_judged_only_on_what_it_can_show(tmp_path, capsys):
    generate(tmp_path / "demo", customers=1_000, articles=300, days=120)
    lines = {line.name: line for line in profile_lines(tmp_path / "demo")}
    assert lines["transactions.days_between_purchase_days.p99"].verdict == "info"
    assert lines["customers.FN_missing_share"].verdict == "ok"
    main([str(tmp_path / "demo")])
    assert "lines within tolerance" in capsys.readouterr().out


def test_tolerance_is_a_factor_or_a_slack():
    tolerance = Tolerance(factor=1.5, slack=1)
    assert tolerance.accepts(2, 1)  # |2 - 1| <= 1, though 2 > 1 x 1.5
    assert tolerance.accepts(15, 10)  # 15 <= 10 x 1.5
    assert not tolerance.accepts(16, 10)
    assert not tolerance.accepts(6, 10)  # 6 < 10 / 1.5


def test_upper_bound_accepts_anything_below():
    assert Tolerance(is_upper_bound=True).accepts(0.0, 0.3)
    assert not Tolerance(is_upper_bound=True).accepts(0.31, 0.3)


def test_line_without_tolerance_demands_nothing():
    assert Line("name", 5.0, 1.0, None).verdict == "info"


def test_bestsellers_are_bounded_by_as_large_a_part_of_the_real_catalogue():
    # 12 of 1,266.5 articles are as large a part as 1,000 of 105,542, which hold 0.501708 of a week's rows.
    bound = popularity_bound(recall=0.2, articles=12 / 1_000 * 105_542)
    assert bound.real == pytest.approx(0.501708)
    assert bound.made == 0.2


def test_a_fraction_of_an_article_counts_in_part():
    assert share_in_top([6, 3, 1], 1.5) == (6 + 3 / 2) / 10


def test_total_variation_is_half_the_absolute_difference():
    assert total_variation({"a": 0.5, "b": 0.5}, {"a": 0.75, "c": 0.25}) == (0.25 + 0.5 + 0.25) / 2


def test_every_leaf_is_named_by_its_path_and_finds_the_nearest_tolerance():
    assert flat({"a": {"b": 1, "note": "text"}, "c": 2.0}) == {"a.b": 1.0, "c": 2.0}
    assert tolerance_of("transactions.price.p50") == tolerance_of("transactions.price.p99")
    assert tolerance_of("articles.unsold_share") is None
