"""What earlier runs recorded goes before a run begins, so that refused and failed nights clear up, too.

In: how much stays, [runs] in the settings as shipped. Out: fewer records of Metaflow's and fewer archives of Comet's.
The folders of runs go by `release.run_folders`, which knows what is served.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from pathlib import Path

from recommender.config import DEFAULT_FILE, read_toml
from recommender.nights.metaflow_records import records_in_use, remove_older_records
from recommender.project_paths import comet_dir
from recommender.tracking.comet_archives import remove_older_archives

METAFLOW_ROOT = "METAFLOW_DATASTORE_SYSROOT_LOCAL"
METAFLOW_FOLDER = ".metaflow"


def cleared(flow: str, *, is_new: bool) -> AbstractContextManager[None]:
    """Clear up before a run, unless others are at work, and keep others from doing so until the run ends.

    Args:
        flow: name of the flow.
        is_new: whether a run begins; for one that is resumed nothing goes, for it needs what its origin left.
    """
    return records_in_use(lambda: _clear_up(flow) if is_new else None)


def _clear_up(flow: str) -> None:
    kept = read_toml(DEFAULT_FILE.read_text(encoding="utf-8"))["runs"]
    remove_older_records(Path(os.environ[METAFLOW_ROOT]) / METAFLOW_FOLDER / flow, kept["records"] - 1)
    remove_older_archives(comet_dir(), kept["archives"])
