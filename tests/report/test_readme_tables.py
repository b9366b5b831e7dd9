"""The README's numbers are a report's numbers."""

import pytest

from recommender.report.readme_tables import END, START, between_markers, results_table

METRICS = {"map@12": 0.1, "recall@12": 0.2, "hit_rate@12": 0.3, "ndcg@12": 0.4, "mrr@12": 0.5, "coverage": 0.6}
REPORT = {
    "dataset": "demo",
    "windows": {"test": {"start": "2020-09-16", "end": "2020-09-22"}},
    "n_candidates": 1234,
    "chosen": "base-seed7",
    "verdict": "passed",
    "metrics": {
        "popular": {**METRICS, "customers": 50},
        "two_tower": {**METRICS, "map@12": 0.25, "customers": 50},
    },
}


def test_models_stand_best_first_with_their_numbers():
    lines = results_table(REPORT).splitlines()
    assert "50 customers" in lines[0] and "1,234 articles" in lines[0]
    assert lines[4] == "| `two_tower` | 0.2500 | 0.2000 | 0.3000 | 0.4000 | 0.5000 | 0.6000 |"
    assert lines[5].startswith("| `popular` | 0.1000")


def test_only_the_text_between_the_markers_is_replaced():
    readme = between_markers(f"top\n{START}\nold\n{END}\nbottom\n", START, END, "new")
    assert readme == f"top\n{START}\n\nnew\n\n{END}\nbottom\n"
    assert between_markers(readme, START, END, "new") == readme


def test_a_readme_without_markers_says_what_it_needs():
    with pytest.raises(ValueError, match="README.md needs the lines"):
        between_markers("no markers", START, END, "new")
