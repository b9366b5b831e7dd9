"""What a setting may be: kinds of values with their ranges, for the fields of the settings' classes.

A kind is an annotated type. pydantic checks it where a settings file is read, and nowhere else. Neither true nor a text
is a number here, nor are NaN and infinity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from recommender.columns import Columns

Count = Annotated[int, Field(ge=1)]
CountOrZero = Annotated[int, Field(ge=0)]
ByteCount = Annotated[int, Field(ge=1, le=255)]
"""What the published lists count in one byte: their articles, and a customer's purchases."""

Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""NumPy takes no seed below 0, LightGBM no larger one."""

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
AboveOne = Annotated[float, Field(gt=1)]
DroppedShare = Annotated[float, Field(ge=0, lt=1)]
TakenShare = Annotated[float, Field(gt=0, le=1)]
LostShare = Annotated[float, Field(gt=0, lt=1)]

Text = Annotated[str, Field(min_length=1)]
TextOrNone = Annotated[str, Field(description="a text, or '' for none")]
KubernetesName = Annotated[
    str,
    Field(
        pattern="^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63, description="a name of small letters, digits and '-'"
    ),
]
Labels = Annotated[dict[str, TextOrNone], Field(description="a table of labels and their values, as texts")]
Retries = Annotated[int, Field(ge=0, le=4)]
"""Metaflow attempts nothing more than six times, its own last attempt included."""

ArticleId = Annotated[str, Field(pattern="^0[0-9]{9}$")]
Attribute = Literal[Columns.ARTICLE_ATTRIBUTES]
SegmentColumn = Literal[Columns.SEGMENT_COLUMNS]


def _check_distinct(values: Sequence[Any]) -> Sequence[Any]:
    if len(set(values)) < len(values):
        raise PydanticCustomError("repeated", "no value twice")
    return values


Distinct = AfterValidator(_check_distinct)
