"""Merlin's schemas as text, to be kept in files that name no class. Merlin is imported inside the functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from merlin.schema import Schema


def schema_as_text(schema: Schema) -> str:
    """Return a schema as TensorFlow Metadata's JSON."""
    from merlin.schema.io.tensorflow_metadata import TensorflowMetadata

    return TensorflowMetadata.from_merlin_schema(schema).to_json()


def schema_of_text(text: str) -> Schema:
    """Inverse of `schema_as_text`."""
    from merlin.schema.io.tensorflow_metadata import TensorflowMetadata

    return TensorflowMetadata.from_json(text).to_merlin_schema()
