"""What a large shop needs otherwise: tables in [large_shop] that are laid over the sections of their names.

In: a parsed TOML file, and how many purchases a shop has. Out: the same tables, as that shop takes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LARGE_SHOP, FROM_PURCHASES = "large_shop", "from_purchases"
REPLACED = ("candidates",)
"""Sections of which a large shop has its own, whole: a grid is a list of entries, and others are not left over."""


def is_large(toml: Mapping[str, Any], purchases: int) -> bool:
    """Return whether a shop of so many purchases takes what stands in [large_shop]; none does in a file without it."""
    return LARGE_SHOP in toml and purchases >= toml[LARGE_SHOP][FROM_PURCHASES]


SWITCHED = ("retrieve",)
"""Sections in which a name that is left out is switched off: it stays off in a large shop."""


def as_large_shop(toml: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sections as a large shop takes them; [large_shop] itself stays as it is."""
    overlays = {name: table for name, table in toml[LARGE_SHOP].items() if name != FROM_PURCHASES}
    return {**toml, **{name: _laid(name, table, toml.get(name, {})) for name, table in overlays.items()}}


def _laid(name: str, table: Mapping[str, Any], below: Mapping[str, Any]) -> Mapping[str, Any]:
    if name in REPLACED:
        return table
    return {**below, **{key: value for key, value in table.items() if key in below or name not in SWITCHED}}
