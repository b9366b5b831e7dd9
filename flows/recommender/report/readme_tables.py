"""The README's result tables, made from the last runs' report.json: `make readme`.

In: data/reports/<dataset>/report.json of each dataset that was run. Out: the text between the two markers of README.md.
"""

import json
from pathlib import Path
from typing import Any

from recommender.project_paths import PROJECT_ROOT, reports_dir

DATASETS = ("demo", "online-retail")
START, END = "<!-- results: made by `make readme` -->", "<!-- end of results -->"
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


def between_markers(readme: str, start: str, end: str, text: str) -> str:
    """Return the README with what stands between two of its lines replaced.

    Raises:
        ValueError: when a marker is missing.
    """
    if start not in readme or end not in readme:
        raise ValueError(f"README.md needs the lines {start!r} and {end!r}; the tables go between them")
    before, rest = readme.split(start, 1)
    after = rest.split(end, 1)[1]
    return f"{before}{start}\n\n{text}\n\n{end}{after}"


def main() -> None:
    """Put the tables of every dataset that was run into README.md."""
    paths = [reports_dir(dataset) / "report.json" for dataset in DATASETS]
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]
    readme = Path(PROJECT_ROOT, "README.md")
    tables = "\n\n".join(results_table(report) for report in reports)
    readme.write_text(between_markers(readme.read_text(encoding="utf-8"), START, END, tables), encoding="utf-8")


if __name__ == "__main__":
    main()
