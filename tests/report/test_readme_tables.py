"""The numbers of the results page are a report's numbers."""

import doctest

import pytest

from recommender.project_paths import reports_dir
from recommender.report import readme_tables
from recommender.report.readme_tables import between_markers, results_table
from recommender.report.run_report import write_report

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
    page = "top\n<!-- sizes: made by `make readme` -->\nold\n<!-- end of sizes -->\nbottom\n"
    changed = between_markers(page, "sizes", "new")
    assert changed == "top\n<!-- sizes: made by `make readme` -->\n\nnew\n\n<!-- end of sizes -->\nbottom\n"
    assert between_markers(changed, "sizes", "new") == changed


def test_a_page_without_markers_says_what_it_needs():
    with pytest.raises(ValueError, match="the page needs the lines '<!-- sizes: made by"):
        between_markers("no markers", "sizes", "new")


def test_the_table_of_a_dataset_that_was_not_run_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))
    page = tmp_path / "results.md"
    page.write_text("\n".join(marked(dataset, "old") for dataset in readme_tables.DATASETS))
    monkeypatch.setattr(readme_tables, "RESULTS_PAGE", page)
    write_report(REPORT, reports_dir("demo") / "report.json")
    readme_tables.main()
    assert page.read_text() == f"{marked('demo', results_table(REPORT))}\n{marked('online-retail', 'old')}"


def marked(dataset: str, text: str) -> str:
    """The part of the results page that belongs to a dataset."""
    name = f"last run of {dataset}"
    return f"<!-- {name}: made by `make readme` -->\n\n{text}\n\n<!-- end of {name} -->"


def test_the_doctest_holds():
    assert doctest.testmod(readme_tables).failed == 0
