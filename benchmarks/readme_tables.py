"""The benchmark tables, made from benchmarks/results/quality.json: the second half of `make readme`.

In: the results of every dataset that was measured. Out: the text between two lines of README.md (a row for each
dataset) and of docs/results.md (everything).
"""

from benchmarks.quality import RESULTS_DIR
from benchmarks.report import headline_table, summary
from benchmarks.results import read_results
from recommender.project_paths import PROJECT_ROOT
from recommender.report.readme_tables import RESULTS_PAGE, put_between_markers


def main() -> None:
    """Put the tables of every measured dataset into the README and the results page."""
    results = read_results(RESULTS_DIR / "quality.json")
    put_between_markers(PROJECT_ROOT / "README.md", "summary", headline_table(results))
    put_between_markers(RESULTS_PAGE, "quality", "\n\n".join(summary(results, dataset) for dataset in results))


if __name__ == "__main__":
    main()
