"""All articles that are barred, by rules of their own and by feeds and lists, as one mapping.

In: rules of single articles, sets of numbers. Out: article id to why it is barred, without a text for each article of a
set.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import chain

import numpy as np

from serving.cache.article_numbers import article_id_of


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


@dataclass(frozen=True)
class BarredTogether:
    """A feed or list, by the name in `why.origin`: its articles, and why they are barred."""

    why: BarredArticle
    numbers: np.ndarray

    @cached_property
    def members(self) -> frozenset[int]:
        """The numbers of its articles."""
        return frozenset(self.numbers.tolist())


class BarredArticles(Mapping[str, BarredArticle]):
    """Article id to why it is barred; a rule of its own comes before those of feeds and lists.

    Args:
        single: articles with a rule of their own.
        together: feeds and lists.
    """

    def __init__(self, single: Mapping[str, BarredArticle], together: Sequence[BarredTogether] = ()) -> None:
        self.single, self._together = single, together
        self._members = [each.members for each in together]  # made here, so that no lookup waits for it

    def __contains__(self, article_id: object) -> bool:
        if article_id in self.single:
            return True
        return bool(self._members) and self._has_member(str(article_id))

    def __getitem__(self, article_id: str) -> BarredArticle:
        if article_id in self.single:
            return self.single[article_id]
        if article_id.isdecimal():
            for each in self._together:
                if int(article_id) in each.members:
                    return each.why
        raise KeyError(article_id)

    def __iter__(self) -> Iterator[str]:
        of_sets = map(article_id_of, self._numbers.tolist())
        return chain(self.single, (each for each in of_sets if each not in self.single))

    def __len__(self) -> int:
        return self._length

    @cached_property
    def _length(self) -> int:
        return len(self._numbers) + sum(not self._has_member(each) for each in self.single)

    @cached_property
    def _numbers(self) -> np.ndarray:
        """All numbers of the sets, ascending, each once."""
        return np.unique(np.concatenate([each.numbers for each in self._together])) if self._together else np.array([])

    def _has_member(self, article_id: str) -> bool:
        return article_id.isdecimal() and any(int(article_id) in members for members in self._members)
