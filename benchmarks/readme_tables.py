"""The benchmark tables, made from benchmarks/results: the second half of `make readme`.

In: quality.json and scale.json. Out: the text between two lines of README.md (a row for each dataset), of
docs/results.md (every model) and of docs/scale.md (every stage).
"""

from benchmarks.quality import RESULTS_DIR
from benchmarks.report import headline_table, summary
from benchmarks.results import read_results
from benchmarks.scale.report import tables
from recommender.project_paths import PROJECT_ROOT
from recommender.report.readme_tables import RESULTS_PAGE, put_between_markers

SCALE_PAGE = PROJECT_ROOT / "docs/scale.md"


def main() -> None:
    """Put the tables of every measured dataset and shop into the README and the pages."""
    results = read_results(RESULTS_DIR / "quality.json")
    put_between_markers(PROJECT_ROOT / "README.md", "summary", headline_table(results))
    put_between_markers(RESULTS_PAGE, "quality", "\n\n".join(summary(results, dataset) for dataset in results))
    put_between_markers(SCALE_PAGE, "scale", tables(read_results(RESULTS_DIR / "scale.json")))


if __name__ == "__main__":
    main()
