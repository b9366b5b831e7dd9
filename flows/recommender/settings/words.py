"""What is wrong with a table of settings, in words: the key as it stands in the file, its value and what it may be.

In: a table, and a class or a TypedDict whose fields are annotated with `kinds`. Out: one line for each setting
that is wrong, such as "[lists] published_k is 'many'; it takes a whole number from 1 to 255".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import ErrorDetails

MOST_SHOWN = 80  # characters of a value


def find_wrong_values(
    kind: type, table: Any, where: str, left_out: Sequence[str] = (), is_partial: bool = False
) -> list[str]:
    """Check a table against the fields of a kind.

    Args:
        kind: a class or a TypedDict with annotated fields.
        table: as the TOML has it.
        where: how a person finds it in the file, such as "[lists]".
        left_out: fields that do not come from the table, and so must not stand in it.
        is_partial: a field may be missing.

    Returns:
        One line for each value that is wrong, each key that is unknown and each that is missing.
    """
    try:
        _model(kind, tuple(left_out), is_partial).model_validate(table)
    except ValidationError as error:
        schema = _schema(kind, tuple(left_out), is_partial)
        problems = (_in_words(each, where, schema) for each in error.errors(include_url=False) if not _is_echo(each))
        return list(dict.fromkeys(problems))
    return []


def shown(value: Any) -> str:
    """Return a value as it is written in a TOML file, or nearly so, and shortened."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."


def one_of(names: Sequence[str]) -> str:
    """Return "a, b or c"."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


@cache
def _model(kind: type, left_out: tuple[str, ...], is_partial: bool) -> type[BaseModel]:
    """The kind as a model of pydantic's that converts nothing and knows no other keys."""
    default = None if is_partial else ...
    hints = get_type_hints(kind, include_extras=True)
    kept = {name: (hint, default) for name, hint in hints.items() if name not in left_out}
    return create_model(kind.__name__, __config__=ConfigDict(strict=True, extra="forbid", allow_inf_nan=False), **kept)


@cache
def _schema(kind: type, left_out: tuple[str, ...], is_partial: bool) -> dict[str, Any]:
    """What each key may be, as a JSON schema."""
    return _model(kind, left_out, is_partial).model_json_schema()["properties"]


def _is_echo(error: ErrorDetails) -> bool:
    """Whether a sequence is called too short because values in it are wrong, which other lines say already."""
    return error["type"] == "too_short" and len(error["input"]) > 0


def _in_words(error: ErrorDetails, where: str, schema: Mapping[str, Any]) -> str:
    value = shown(error["input"])
    match error["type"], error["loc"]:
        case _, ():
            return f"{where} is {value}; it takes a table of {', '.join(schema)}"
        case "extra_forbidden", (key,):
            return f"{where} has {key}; it takes {', '.join(schema)}"
        case "missing", (key,):
            return f"{where} lacks {key}; it takes {_allowed(schema[key])}"
        case _, (key, *tables, name, "[key]"):
            allowed = _inside(schema[key], tables)["propertyNames"]
            return f"{' '.join([where, key, *tables])} has {name}; it takes {_allowed(allowed)}"
        case _, (key, *steps):
            tables = [step for step in steps if isinstance(step, str)]
            verb, allowed = "is" if tables == steps else "has", _inside(schema[key], tables)  # "has" of a list
            return f"{' '.join([where, key, *tables])} {verb} {value}; it takes {_allowed(allowed)}"


def _inside(schema: Mapping[str, Any], tables: Sequence[str]) -> Mapping[str, Any]:
    """Return the schema of the values of tables in tables."""
    return _inside(schema["additionalProperties"], tables[1:]) if tables else schema


def _allowed(schema: Mapping[str, Any]) -> str:
    """Return what a JSON schema asks for, in words; sequences and tables are described where they are declared."""
    if "description" in schema:
        return schema["description"]
    if "enum" in schema:
        return one_of(schema["enum"])
    name = {"boolean": "true or false", "integer": "a whole number", "number": "a number"}[schema["type"]]
    return f"{name}{_range(schema)}"


def _range(schema: Mapping[str, Any]) -> str:
    match schema:
        case {"minimum": low, "maximum": high}:
            return f" from {low} to {high}"
        case {"minimum": low, "exclusiveMaximum": high}:
            return f" of {low} or more, below {high}"
        case {"exclusiveMinimum": low, "maximum": high}:
            return f" above {low} and up to {high}"
        case {"exclusiveMinimum": low, "exclusiveMaximum": high}:
            return f" between {low} and {high}"
        case {"minimum": low}:
            return f" of {low} or more"
        case {"exclusiveMinimum": low}:
            return f" above {low}"
    return ""
