"""One folder holds one model: weights, sizes, schemas and the NVTabular workflows it reads its inputs through.

The folder is all that scoring needs. Merlin and NVTabular are imported inside the functions.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from recommender.features.schema_text import schema_as_text, schema_of_text
from recommender.state_files import here

if TYPE_CHECKING:
    from recommender.models.two_tower import TwoTower

WEIGHTS = "weights.pt"
SETTINGS = "settings.json"
CANDIDATE_SCHEMA = "candidate_schema.json"
QUERY_SCHEMA = "query_schema.json"


def save_model(model: TwoTower, folder: Path) -> None:
    """Write a model's weights, sizes and schemas into a folder, made when missing."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), folder / WEIGHTS)
    (folder / SETTINGS).write_text(json.dumps(model.settings.as_dict(), indent=2))
    for name, schema in ((CANDIDATE_SCHEMA, model.candidate_schema), (QUERY_SCHEMA, model.query_schema)):
        (folder / name).write_text(schema_as_text(schema))


def load_model(folder: Path) -> TwoTower:
    """Read back what `save_model` wrote, ready to score.

    Raises:
        FileNotFoundError: when the folder holds no model.
    """
    from recommender.models.two_tower import TowerSettings, TwoTower

    weights = torch.load(here(folder / WEIGHTS), weights_only=True)
    candidate_schema, query_schema = (
        schema_of_text(here(folder / name).read_text()) for name in (CANDIDATE_SCHEMA, QUERY_SCHEMA)
    )
    settings = TowerSettings(**json.loads(here(folder / SETTINGS).read_text()))
    model = TwoTower(candidate_schema, query_schema, weights["article_codes"], settings)
    model.load_state_dict(weights)
    return model.eval()
