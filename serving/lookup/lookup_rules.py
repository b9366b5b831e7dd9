"""The rules that bar articles from every list, as lookups read them.

In: what Redis holds. Out: `LookupRules`: articles that are denied or out of stock, and a cap on those of one product.

What cannot be read never lets an article through: the field of a single article bars it by its very name, and a
damaged set keeps the articles that it had when it was read last.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from serving.cache.article_numbers import ARTICLE_ID_PATTERN
from serving.cache.barred_sets import decode_barred_set
from serving.cache.contract import CacheFormatError
from serving.cache.rule_changes import StoredRules
from serving.lookup.barred_articles import BarredArticle, BarredArticles, BarredTogether, Rule

DECODED_SETS = 4  # that are remembered: most often another set has changed, or none
CAP_FIELD = "cap:product_code"
NOTE_OF_UNREADABLE = "its rule cannot be read; set it again"


@dataclass(frozen=True)
class LookupRules:
    """The rules of a dataset at one moment.

    Attributes:
        barred: article id to why it is barred.
        most_per_product_code: most articles of one product code in an answer; None without a cap.
        together: the feeds and lists, by name.
        unreadable: names of the fields that cannot be read.
    """

    barred: BarredArticles = field(default_factory=lambda: BarredArticles({}))
    most_per_product_code: int | None = None
    together: Mapping[str, BarredTogether] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()

    @classmethod
    def from_stored(cls, stored: StoredRules, before: "LookupRules | None" = None) -> "LookupRules":
        """Turn what Redis holds into rules.

        Args:
            stored: the fields.
            before: the rules as they were read last; they stand in for a cap or a set that cannot be read.
        """
        before = before or cls()
        together, damaged_sets = _read_sets(stored.sets, before.together)
        fields = {name.decode(errors="replace"): value for name, value in stored.rules.items()}
        cap, damaged_cap = _read_cap(fields.pop(CAP_FIELD, None), before.most_per_product_code)
        single, damaged = _read_single(fields)
        barred = BarredArticles(single, tuple(together.values()))
        return cls(barred, cap, together, (*damaged_sets, *damaged_cap, *damaged))


def rule_value(why: BarredArticle) -> str:
    """Return the value that Redis holds for a single article."""
    return json.dumps({"rule": why.rule, "note": why.note, "since": why.since})


def _read_single(fields: Mapping[str, bytes]) -> tuple[dict[str, BarredArticle], list[str]]:
    """Return the articles with a rule of their own, and the names of the fields that are damaged."""
    single, damaged = {}, []
    for name, value in fields.items():
        try:
            each = json.loads(value)
            single[name] = BarredArticle(Rule(each["rule"]), each["note"], each["since"])
        except (ValueError, KeyError, TypeError):
            damaged.append(name)
            if re.fullmatch(ARTICLE_ID_PATTERN, name):
                single[name] = BarredArticle(Rule.DENIED, NOTE_OF_UNREADABLE, "")
    return single, damaged


def _read_cap(value: bytes | None, before: int | None) -> tuple[int | None, list[str]]:
    try:
        return None if value is None else int(value), []
    except ValueError:
        return before, [CAP_FIELD]


def _read_sets(
    sets: Mapping[bytes, bytes], before: Mapping[str, BarredTogether]
) -> tuple[dict[str, BarredTogether], list[str]]:
    """Return feeds and lists by name, a damaged one as it was before, and the names of the damaged ones."""
    together, damaged = {}, []
    for field_name, value in sorted(sets.items()):
        name = field_name.decode(errors="replace")
        try:
            together[name] = _read_set(name, value)
        except (CacheFormatError, ValueError):
            damaged.append(name)
            if name in before:
                together[name] = before[name]
    return together, damaged


@lru_cache(DECODED_SETS)
def _read_set(name: str, value: bytes) -> BarredTogether:
    found = decode_barred_set(value)
    return BarredTogether(BarredArticle(Rule(found.rule), found.note, found.since, name), found.numbers)
