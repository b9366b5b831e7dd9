"""Which column of a header is which: whatever the case and spaces of its name, and whatever stands beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.raw_errors import RawColumnError

# The names under which each of our columns may stand; the first is the one that messages use.
Names = Mapping[str, tuple[str, ...]]
_SHOWN_COLUMNS = 5


@dataclass(frozen=True)
class FoundColumns:
    """Where our columns stand in a header (counted from 0), what they are called there, and what is to be said."""

    positions: dict[str, int]
    named: dict[str, str]
    notes: tuple[str, ...]
    header: tuple[str, ...]

    def is_as_wanted(self, header: Sequence[str]) -> bool:
        """Whether every reader finds the columns under our names, exactly and once."""
        folded = [name.casefold() for name in header]
        return all(header[at] == ours for ours, at in self.positions.items()) and (
            "" not in folded and len(set(folded)) == len(folded)
        )


def same_columns(names: Sequence[str]) -> Names:
    """Columns that stand under our own names."""
    return {name: (name,) for name in names}


def count_known(header: Sequence[str], wanted: Names) -> int:
    """How many of our columns a header names."""
    keys = {_key(name) for name in header}
    return sum(any(_key(name) in keys for name in names) for names in wanted.values())


def find_columns(header: Sequence[str], wanted: Names, place: str) -> FoundColumns:
    """Find our columns in a header that stands at `place`; further columns are allowed, in any order.

    Raises `RawColumnError` for the columns that are missing, or the first that is repeated.
    """
    found = {ours: _positions(header, names) for ours, names in wanted.items()}
    missing = [wanted[ours][0] for ours, positions in found.items() if not positions]
    repeated = [wanted[ours][0] for ours, positions in found.items() if len(positions) > 1]
    if missing or repeated:
        what = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        raise RawColumnError(
            f"{place}: column{'s' * (len(missing) > 1)} {what if missing else f'{repeated[0]} is repeated'}; name "
            "every column once, separated by commas. "
            f"Needed: {','.join(names[0] for names in wanted.values())}. Found: {','.join(header)[:600]}"
        )
    positions = {ours: first for ours, (first,) in found.items()}
    named = {ours: header[at] for ours, at in positions.items()}
    return FoundColumns(positions, named, tuple(_notes(header, positions, wanted)), tuple(header))


def _key(name: str) -> str:
    """What is the same in `Customer ID`, `CustomerID` and `customer_id`."""
    return "".join(name.casefold().split()).replace("_", "")


def _positions(header: Sequence[str], names: Sequence[str]) -> list[int]:
    keys = {_key(name) for name in names}
    return [position for position, name in enumerate(header) if _key(name) in keys]


def _notes(header: Sequence[str], positions: Mapping[str, int], wanted: Names) -> list[str]:
    odd = [(header[at], ours) for ours, at in positions.items() if header[at] not in (ours, *wanted[ours])]
    others = [repr(name) for at, name in enumerate(header) if at not in positions.values()]
    notes = [f"column {name!r} is read as {wanted[ours][0]}" for name, ours in odd]
    if others:
        more = f" and {len(others) - _SHOWN_COLUMNS} more" if len(others) > _SHOWN_COLUMNS else ""
        columns, are = ("columns", "are") if len(others) > 1 else ("column", "is")
        notes.append(f"{columns} {', '.join(others[:_SHOWN_COLUMNS])}{more} {are} ignored")
    return notes
