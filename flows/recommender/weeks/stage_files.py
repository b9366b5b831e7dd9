"""The settings of the four stages in a file: beside the models that were published with them.

Stage: written when the models are refitted, read when a list is explained. In: `StageSettings` and
the models' folder. Out: one JSON file there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from recommender.config import FilterSettings, OrderSettings, StageSettings
from recommender.state_files import here

STAGES = "stages.json"


def save_stages(stages: StageSettings, folder: Path) -> Path:
    """Write the settings into a folder, made when missing; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / STAGES
    path.write_text(json.dumps(asdict(stages), indent=2), encoding="utf-8")
    return path


def load_stages(folder: Path) -> StageSettings:
    """Read back what `save_stages` wrote; caps and generators keep their order, sequences are lists.

    Raises:
        FileNotFoundError: when the folder holds no settings.
        ValueError: when they lack a setting, or have one that is unknown.
    """
    path = here(folder / STAGES)
    try:
        return stages_from(json.loads(path.read_text(encoding="utf-8")))
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} does not fit the settings of this version ({error}); publish again") from error


def stages_from(values: Mapping[str, Any]) -> StageSettings:
    """Make settings of what `asdict` made of them.

    Raises:
        KeyError, TypeError: when they lack a setting, or have one that is unknown.
    """
    filters, order = FilterSettings(**values["filters"]), OrderSettings(**values["order"])
    return StageSettings(**{**values, "filters": filters, "order": order})
