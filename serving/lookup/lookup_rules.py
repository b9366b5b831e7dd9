"""The rules that bar articles from every list, as lookups read them.

In: what Redis holds. Out: `LookupRules`: articles that are denied or out of stock, and a cap on those of one product.

What cannot be read never lets an article through: the field of a single article bars it by its very name, and a
damaged set keeps the articles that it had when it was read last.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from serving.cache.article_numbers import ARTICLE_ID_PATTERN
from serving.cache.barred_sets import LIST_PREFIX, decode_barred_set
from serving.cache.contract import CacheFormatError
from serving.cache.rule_changes import StoredRules

DECODED_SETS = 4  # that are remembered: most often another set has changed, or none
CAP_FIELD = "cap:product_code"
NOTE_OF_UNREADABLE = "its rule cannot be read; set it again"


class Rule(StrEnum):
    """Why an article is barred."""

    DENIED = "denied"
    OUT_OF_STOCK = "out_of_stock"
    CAP = "cap"
    """The list has as many of its product code as it may have."""


@dataclass(frozen=True)
class BarredArticle:
    """Why nobody is recommended an article, and since when.

    Attributes:
        rule: `Rule.DENIED` or `Rule.OUT_OF_STOCK`.
        note: the reason that was given.
        since: UTC, ISO 8601; empty where it cannot be read.
        origin: name of the feed or list that bars it; empty for a rule of its own.
    """

    rule: Rule
    note: str
    since: str
    origin: str = ""

    def to_json(self) -> str:
        """Return the value of its field in Redis."""
        return json.dumps({"rule": self.rule, "note": self.note, "since": self.since})


@dataclass(frozen=True)
class BarredTogether:
    """A feed or list: how many articles it bars, and why; see `BarredArticle`."""

    name: str
    rule: Rule
    note: str
    since: str
    articles: int

    @property
    def is_list(self) -> bool:
        """Whether a person made it, and not a feed that replaces it."""
        return self.name.startswith(LIST_PREFIX)


@dataclass(frozen=True)
class LookupRules:
    """The rules of a dataset at one moment.

    Attributes:
        barred: article id to why it is barred; a rule of its own comes before those of feeds and lists.
        most_per_product_code: most articles of one product code in an answer; None without a cap.
        together: the feeds and lists, by name.
        unreadable: names of the fields that cannot be read.
    """

    barred: Mapping[str, BarredArticle] = field(default_factory=dict)
    most_per_product_code: int | None = None
    together: Mapping[str, BarredTogether] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()

    @property
    def single(self) -> dict[str, BarredArticle]:
        """The articles with a rule of their own."""
        return {article_id: each for article_id, each in self.barred.items() if not each.origin}

    @classmethod
    def from_stored(cls, stored: StoredRules, before: "LookupRules | None" = None) -> "LookupRules":
        """Turn what Redis holds into rules.

        Args:
            stored: the fields.
            before: the rules as they were read last; they stand in for a cap or a set that cannot be read.
        """
        barred: dict[str, BarredArticle] = {}
        together, unreadable, cap = {}, [], None
        for field_name, value in sorted(stored.sets.items()):
            name = field_name.decode(errors="replace")
            try:
                about, articles = _read_set(name, value)
            except (CacheFormatError, ValueError):
                unreadable.append(name)
                about, articles = _known_set(name, before)
            if about:
                together[name] = about
            barred |= articles
        for field_name, value in stored.rules.items():
            name = field_name.decode(errors="replace")
            try:
                if name == CAP_FIELD:
                    cap = int(value)
                else:
                    barred[name] = _read_rule(value)
            except (ValueError, KeyError, TypeError):
                unreadable.append(name)
                cap = before.most_per_product_code if before and name == CAP_FIELD else cap
                if re.fullmatch(ARTICLE_ID_PATTERN, name):
                    barred[name] = BarredArticle(Rule.DENIED, NOTE_OF_UNREADABLE, "")
        return cls(barred, cap, together, tuple(unreadable))


def _read_rule(value: bytes) -> BarredArticle:
    each = json.loads(value)
    return BarredArticle(Rule(each["rule"]), each["note"], each["since"])


@lru_cache(DECODED_SETS)
def _read_set(name: str, value: bytes) -> tuple[BarredTogether, dict[str, BarredArticle]]:
    found = decode_barred_set(value)
    why = BarredArticle(Rule(found.rule), found.note, found.since, name)
    about = BarredTogether(name, why.rule, why.note, why.since, len(found.article_ids))
    return about, dict.fromkeys(found.article_ids, why)


def _known_set(name: str, before: LookupRules | None) -> tuple[BarredTogether | None, dict[str, BarredArticle]]:
    """Return a set as it was read last, empty if it never was."""
    if before is None or name not in before.together:
        return None, {}
    articles = {article_id: each for article_id, each in before.barred.items() if each.origin == name}
    return before.together[name], articles
