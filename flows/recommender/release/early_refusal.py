"""A refusal before anything was trained: left as a file, since there is no report yet that could tell of it.

Stage: instead of all others. In: the error that ended the run. Out: refusal.json beside the dataset's report.json, with
the keys of a report by which the nightly command tells how a run went, and of what it raises an alarm.
"""

from __future__ import annotations

import json
from pathlib import Path

from recommender.errors import RunRefused
from recommender.project_paths import reports_dir
from recommender.state_files import StoreFailed, keep


def refusal_file(dataset: str) -> Path:
    """Return where the last early refusal of a dataset is."""
    return reports_dir(dataset) / "refusal.json"


def leave_refusal(dataset: str, run_id: str, error: RunRefused) -> None:
    """Leave what a run was refused for."""
    path = refusal_file(dataset)
    path.parent.mkdir(parents=True, exist_ok=True)
    refusal = {"run_id": run_id, "verdict": "refused", "verdict_reason": f"{error}", "published": None}
    refusal["alarms"] = [each.as_dict() for each in error.alarms]
    path.write_text(json.dumps(refusal, indent=2) + "\n", encoding="utf-8")
    try:
        keep(path)
    except StoreFailed as failure:  # the refusal itself is what the run ends with
        print(failure)
