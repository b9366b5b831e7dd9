"""Which classes the files of earlier releases name, and where those classes are now.

Up to commit 4216c0b `model_inputs.pt` was a pickle of `ModelInputs`, and a pickle names its classes by their modules of
that day. The quoted names below are what such files hold: they stay as they are wherever the classes move.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np

OWN_CLASSES = (
    "recommender.features.model_inputs.ModelInputs",
    "recommender.features.catalogue.Catalogue",
    "recommender.features.snapshots.CandidateSnapshot",
    "recommender.features.snapshots.QuerySnapshot",
)


def pickled_classes(*own: type) -> list[Callable | tuple[Callable, str]]:
    """Return what `torch.serialization.safe_globals` has to allow for such a file, and nothing more.

    `own` are the classes of today, in the order of `OWN_CLASSES`.
    """
    from merlin.dtypes.base import DType, ElementType
    from merlin.dtypes.shape import Dimension, Shape
    from merlin.schema import ColumnSchema, Schema, Tags
    from merlin.schema.tags import TagSet

    merlin = [DType, ElementType, Dimension, Shape, ColumnSchema, Schema, Tags, TagSet]
    make_array = np.empty(0).__reduce__()[0]
    texts = [(make_array, "numpy._core.multiarray._reconstruct"), np.ndarray, np.dtype, np.dtypes.ObjectDType]
    return [*zip(own, OWN_CLASSES, strict=True), *merlin, *texts, date]
