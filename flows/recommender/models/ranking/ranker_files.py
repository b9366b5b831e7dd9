"""One folder holds one ranker: what it learned, in files of its kind's own, and one that says which kind that is.

Stage: below the kinds of ranker. In: a kind, the names of the features, further plain values. Out: `ranker.json`, and
back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

DESCRIPTION = "ranker.json"
"""The file in a ranker's folder that holds its kind and the names of its features."""


def write_description(folder: Path, kind: str, feature_names: Sequence[str], **values: Any) -> None:
    """Write the kind, the feature names and further plain values of a ranker into its folder, made when missing."""
    folder.mkdir(parents=True, exist_ok=True)
    description = {"kind": kind, "feature_names": feature_names, **values}
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=2))


def read_description(folder: Path) -> dict[str, Any]:
    """Read what `write_description` wrote.

    Raises:
        FileNotFoundError: when the folder holds no ranker.
    """
    return json.loads((folder / DESCRIPTION).read_text())
