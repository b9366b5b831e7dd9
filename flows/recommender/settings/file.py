"""A whole settings file, checked: every section and key, what each may be, and how they relate.

In: a parsed TOML file. Out: one line for each thing that is wrong, named as a person finds it in the file. The names of
the behavioral tests stand above this floor; `evaluation.checked_settings` asks for those, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from recommender.settings.cluster import CLUSTER, find_problems_of_cluster
from recommender.settings.large_shop import FROM_PURCHASES, LARGE_SHOP, as_large_shop
from recommender.settings.rankers import RANKER_SETTINGS
from recommender.settings.sections import (
    NIGHTLY,
    ArrivalSettings,
    ChangeSettings,
    CommonSenseSettings,
    FeatureSettings,
    FilterSettings,
    LargeShopSettings,
    ListSettings,
    NightlySettings,
    OrderSettings,
    PromotionSettings,
    RankingSettings,
    ResourceSettings,
    RetrieveSettings,
    RunSettings,
    Threshold,
    TwoTowerSettings,
)
from recommender.settings.words import find_wrong_values, one_of, shown

Table = Mapping[str, Any]

NAME = re.compile("[A-Za-z0-9_-]+")
"""What the name of a dataset or a candidate may be: it goes into names of files and keys."""


KINDS_OF_TESTS = ["rules", "comparisons", "changes"]
"""Tables of a section of thresholds; rules need none, but may be given one."""


def find_problems(toml: Table) -> list[str]:
    """Return one line for each thing that is wrong in a settings file; an empty list when everything is right.

    How settings relate is checked only between sections that are right by themselves.
    """
    unknown = [f"[{name}] is no section; there are {', '.join(SECTIONS)}" for name in toml if name not in SECTIONS]
    present = {name: check for name, check in SECTIONS.items() if name in toml or name not in OPTIONAL}
    wrong = {name: check(toml[name]) if name in toml else [_missing(name)] for name, check in present.items()}
    broken = {name for name, problems in wrong.items() if problems}
    relations = _unfit(toml, broken)
    if not relations and LARGE_SHOP in toml and not broken.intersection([LARGE_SHOP, *LAID_OVER]):
        relations = [f"as a large shop: {each}" for each in _unfit(as_large_shop(toml), broken)]
    return [*unknown, *(problem for problems in wrong.values() for problem in problems), *relations]


def _unfit(toml: Table, broken: Collection[str]) -> list[str]:
    """Return one line for each two settings that do not go together, in sections that are right by themselves."""
    return [
        problem
        for names, relation in RELATIONS
        if not broken.intersection(names)
        for problem in relation(*(toml[name] for name in names))
    ]


def _missing(name: str) -> str:
    return f"[{name}] is missing; copy it from the settings that are shipped"


def _dataset(name: str, table: Any) -> list[str]:
    where = f"[datasets.{name}]"
    return [*_wrong_name("datasets", name), *find_wrong_values(FeatureSettings, table, where, is_partial=True)]


def _candidate(name: str, table: Any, section: str = "candidates") -> list[str]:
    where, of_all = f"[{section}.{name}]", ["seeds"]
    wrong_values = find_wrong_values(TwoTowerSettings, table, where, left_out=of_all, is_partial=True)
    return [*_wrong_name(section, name), *wrong_values]


def _wrong_name(section: str, name: str) -> list[str]:
    if NAME.fullmatch(name):
        return []
    return [f"[{section}] has {name!r}; it takes names of letters, digits, '-' and '_'"]


def _large_shop(table: Any) -> list[str]:
    """Check from which size on, and the tables that are laid over the sections of their names."""
    allowed = f"it takes {FROM_PURCHASES} and tables, {one_of(list(LAID_OVER))}"
    if not isinstance(table, Mapping):
        return [f"[{LARGE_SHOP}] is {shown(table)}; {allowed}"]
    own = {name: each for name, each in table.items() if name == FROM_PURCHASES}
    laid_over = (LAID_OVER[name](each) for name, each in table.items() if name in LAID_OVER)
    return [
        *(f"[{LARGE_SHOP}] has {name}; {allowed}" for name in table if name not in (FROM_PURCHASES, *LAID_OVER)),
        *find_wrong_values(LargeShopSettings, own, f"[{LARGE_SHOP}]"),
        *(problem for problems in laid_over for problem in problems),
    ]


def _ranker(name: str, table: Any) -> list[str]:
    if name not in RANKER_SETTINGS:
        return [f"[rankers] has {name}; it takes {one_of(list(RANKER_SETTINGS))}"]
    return find_wrong_values(RANKER_SETTINGS[name], table, f"[rankers.{name}]", is_partial=True)


def _tables(section: str, check: Callable[[str, Any], list[str]], tables: Any) -> list[str]:
    """Check a section that holds at least one table, each under a name."""
    if not isinstance(tables, Mapping) or not tables:
        return [f"[{section}] is {shown(tables)}; it takes at least one table, [{section}.NAME]"]
    return [problem for name, table in tables.items() for problem in check(name, table)]


def _tests(section: str, table: Any) -> list[str]:
    """Check a section of thresholds by kind of test."""
    if not isinstance(table, Mapping):
        return [f"[{section}] is {shown(table)}; it takes tables of thresholds, {one_of(KINDS_OF_TESTS)}"]
    unknown = [
        f"[{section}] has {kind}; it takes tables of thresholds, {one_of(KINDS_OF_TESTS)}"
        for kind in table
        if kind not in KINDS_OF_TESTS
    ]
    known = {kind: thresholds for kind, thresholds in table.items() if kind in KINDS_OF_TESTS}
    return [
        *unknown,
        *(problem for kind, each in known.items() for problem in _thresholds(f"[{section}.{kind}]", each)),
    ]


def _thresholds(where: str, table: Any) -> list[str]:
    if not isinstance(table, Mapping):
        return [f"{where} is {shown(table)}; it takes a table of tests and their thresholds"]
    return [problem for name, bounds in table.items() for problem in _threshold(f"{where} {name}", bounds)]


def _threshold(where: str, bounds: Any) -> list[str]:
    if problems := find_wrong_values(Threshold, bounds, where, is_partial=True):
        return problems
    if not bounds:
        return [f"{where} is {{}}; it takes a minimum, a maximum or both"]
    low, high = bounds.get("minimum", -math.inf), bounds.get("maximum", math.inf)
    return [f"{where} minimum is {low}; it takes at most its maximum, {high}"] if low > high else []


def _published_lists_are_long_enough(lists: Table) -> Iterator[str]:
    if lists["published_k"] < lists["k"]:
        yield f"[lists] published_k is {lists['published_k']}; it takes k, {lists['k']}, or more"


def _published_lists_can_be_ordered(lists: Table, order: Table) -> Iterator[str]:
    if order["depth"] < lists["published_k"]:
        yield f"[order] depth is {order['depth']}; it takes [lists] published_k, {lists['published_k']}, or more"


def _published_lists_can_be_filled(lists: Table, retrieve: Table) -> Iterator[str]:
    if (proposed := sum(retrieve.values())) < lists["published_k"]:
        yield (
            f"[retrieve] proposes {proposed} articles in all; it takes [lists] published_k, {lists['published_k']}, "
            "or more"
        )


def _no_two_tower_scores_more_weeks_than_there_are(ranking: Table) -> Iterator[str]:
    if ranking["weeks_per_model"] > ranking["weeks"]:
        yield f"[ranking] weeks_per_model is {ranking['weeks_per_model']}; it takes at most weeks, {ranking['weeks']}"


def _plain(kind: type, name: str, **how: Any) -> Callable[[Any], list[str]]:
    return partial(find_wrong_values, kind, where=f"[{name}]", **how)


def _laid_over(kind: type, name: str) -> Callable[[Any], list[str]]:
    return _plain(kind, f"{LARGE_SHOP}.{name}", is_partial=True)


_LARGE_GRID = f"{LARGE_SHOP}.candidates"

LAID_OVER: Mapping[str, Callable[[Any], list[str]]] = {
    "features": _laid_over(FeatureSettings, "features"),
    "training": _laid_over(TwoTowerSettings, "training"),
    "candidates": partial(_tables, _LARGE_GRID, partial(_candidate, section=_LARGE_GRID)),
    "ranking": _laid_over(RankingSettings, "ranking"),
    "retrieve": _laid_over(RetrieveSettings, "retrieve"),
}
"""Tables that [large_shop] may have, with what tells what is wrong in them."""

SECTIONS: Mapping[str, Callable[[Any], list[str]]] = {
    "features": _plain(FeatureSettings, "features"),
    LARGE_SHOP: _large_shop,
    "datasets": partial(_tables, "datasets", _dataset),
    "lists": _plain(ListSettings, "lists"),
    "runs": _plain(RunSettings, "runs"),
    NIGHTLY: _plain(NightlySettings, NIGHTLY),
    "training": _plain(TwoTowerSettings, "training"),
    "candidates": partial(_tables, "candidates", _candidate),
    "ranking": _plain(RankingSettings, "ranking"),
    "retrieve": _plain(RetrieveSettings, "retrieve", is_partial=True),
    "filter": _plain(FilterSettings, "filter", left_out=["on_sale_days"]),
    "rankers": partial(_tables, "rankers", _ranker),
    "order": _plain(OrderSettings, "order"),
    "promotion": _plain(PromotionSettings, "promotion"),
    "resources": _plain(ResourceSettings, "resources"),
    CLUSTER: find_problems_of_cluster,
    "common_sense": _plain(CommonSenseSettings, "common_sense", left_out=["most_per_product_code"]),
    "arrivals": _plain(ArrivalSettings, "arrivals"),
    "behavioral_tests": partial(_tests, "behavioral_tests"),
    "publication_gate": partial(_tests, "publication_gate"),
    "usual_weeks": partial(_tests, "usual_weeks"),
    "behavior_changes": _plain(ChangeSettings, "behavior_changes"),
}
"""Every section in the order of the shipped file, with what tells what is wrong in it."""

OPTIONAL = (LARGE_SHOP, CLUSTER, NIGHTLY)
"""Sections that a file may do without."""

RELATIONS: Sequence[tuple[Sequence[str], Callable[..., Iterator[str]]]] = [
    (["lists"], _published_lists_are_long_enough),
    (["lists", "order"], _published_lists_can_be_ordered),
    (["lists", "retrieve"], _published_lists_can_be_filled),
    (["ranking"], _no_two_tower_scores_more_weeks_than_there_are),
]
"""Sections, and what tells where they do not fit together."""
