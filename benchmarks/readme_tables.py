"""The README's benchmark tables, made from benchmarks/results/quality.json: the second half of `make readme`.

In: the results of every dataset that was measured. Out: the text between two markers of README.md.
"""

from benchmarks.quality import RESULTS_DIR
from benchmarks.report import summary
from benchmarks.results import read_results
from recommender.project_paths import PROJECT_ROOT
from recommender.report.readme_tables import between_markers

START, END = "<!-- quality: made by `make readme` -->", "<!-- end of quality -->"


def main() -> None:
    """Put the tables of every measured dataset into README.md."""
    results = read_results(RESULTS_DIR / "quality.json")
    readme = PROJECT_ROOT / "README.md"
    text = "\n\n".join(summary(results, dataset) for dataset in results)
    readme.write_text(between_markers(readme.read_text(encoding="utf-8"), START, END, text), encoding="utf-8")


if __name__ == "__main__":
    main()
