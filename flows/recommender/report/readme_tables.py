"""The result tables of the last runs, made from their report.json: the first half of `make readme`.

In: data/reports/<dataset>/report.json of each dataset that was run. Out: the text between two lines of docs/results.md
for each of them; the table of a dataset that was not run stays.
"""

import json
from pathlib import Path
from typing import Any

from recommender.project_paths import PROJECT_ROOT, reports_dir
from recommender.state_files import here

DATASETS = ("demo", "online-retail")
RESULTS_PAGE = PROJECT_ROOT / "docs/results.md"
SHOWN = ("map@12", "recall@12", "hit_rate@12", "ndcg@12", "mrr@12", "coverage")


def results_table(report: dict[str, Any]) -> str:
    """Lay out a report's metrics as Markdown: customers with earlier history, best MAP@12 first."""
    test, metrics = report["windows"]["test"], report["metrics"]
    models = sorted(metrics, key=lambda model: -(metrics[model]["map@12"] or 0))
    customers = metrics[models[0]]["customers"]
    lines = [
        f"**{report['dataset']}**, test week {test['start']} to {test['end']}, {customers:,} customers with earlier "
        f"purchases, {report['n_candidates']:,} articles on sale; chosen: `{report['chosen']}`; {report['verdict']}.",
        "",
        "| model | " + " | ".join(SHOWN) + " |",
        "|---|" + "---|" * len(SHOWN),
        *(
            f"| `{model}` | " + " | ".join(f"{metrics[model][name] or 0:.4f}" for name in SHOWN) + " |"
            for model in models
        ),
    ]
    return "\n".join(lines)


def between_markers(page: str, name: str, text: str) -> str:
    """Return a Markdown page with the text between the two marker lines of a name replaced.

    >>> print(between_markers("<!-- sizes: made by `make readme` --> old <!-- end of sizes -->", "sizes", "new"))
    <!-- sizes: made by `make readme` -->
    <BLANKLINE>
    new
    <BLANKLINE>
    <!-- end of sizes -->

    Raises:
        ValueError: when a marker is missing.
    """
    start, end = f"<!-- {name}: made by `make readme` -->", f"<!-- end of {name} -->"
    if start not in page or end not in page:
        raise ValueError(f"the page needs the lines {start!r} and {end!r}; the tables go between them")
    before, rest = page.split(start, 1)
    after = rest.split(end, 1)[1]
    return f"{before}{start}\n\n{text}\n\n{end}{after}"


def put_between_markers(path: Path, name: str, text: str) -> None:
    """Replace the text between two markers of a file; see `between_markers`."""
    path.write_text(between_markers(path.read_text(encoding="utf-8"), name, text), encoding="utf-8")


def main() -> None:
    """Put the table of every dataset that was run into the results page."""
    for dataset in DATASETS:
        if (path := here(reports_dir(dataset) / "report.json")).exists():
            report = json.loads(path.read_text(encoding="utf-8"))
            put_between_markers(RESULTS_PAGE, f"last run of {dataset}", results_table(report))


if __name__ == "__main__":
    main()
