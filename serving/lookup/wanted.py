"""What a request wants of a list, and why nothing may be left of it.

In: filters of a request, facts of articles. Out: whether an article is wanted; a reason where none is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from serving.cache.article_facts import ArticleFacts
from serving.lookup.answers import Item, Reason


class EmptyReason(StrEnum):
    """Why an answer has no article."""

    ALL_BARRED = "all_barred"
    """Rules bar every article of the list."""
    UNKNOWN_DEPARTMENT = "unknown_department"
    """The served version has no department of that name; `/departments` lists those there are."""
    NOTHING_OF_DEPARTMENT = "nothing_of_department"
    """The list has no article of the department that is left."""
    ALL_PURCHASED = "all_purchased"
    """The customer has bought every article of the list that is left."""


@dataclass(frozen=True)
class Wanted:
    """The filters of a request.

    Attributes:
        facts: of the served version's articles.
        skips_purchased: whether what the customer bought before is left out.
        department: the only one that is wanted; None for all.
        is_unknown: whether no department has the name that was asked for; then no article is wanted.
    """

    facts: Mapping[str, ArticleFacts]
    skips_purchased: bool = False
    department: str | None = None
    is_unknown: bool = False

    def __call__(self, item: Item) -> bool:
        """Whether an article passes; one without a known department passes no department."""
        if self.is_unknown or (self.skips_purchased and item.reason is Reason.REPURCHASE):
            return False
        if self.department is None:
            return True
        return item.article_id in self.facts and self.facts[item.article_id].department == self.department

    @property
    def why_nothing(self) -> EmptyReason:
        """Why none of the articles that no rule bars is wanted."""
        if self.is_unknown:
            return EmptyReason.UNKNOWN_DEPARTMENT
        return EmptyReason.ALL_PURCHASED if self.department is None else EmptyReason.NOTHING_OF_DEPARTMENT


def named_department(departments: Mapping[str, int], text: str) -> str | None:
    """Return the department that a text means: its very name, or the only one that differs in case or outer spaces.

    >>> named_department({"Socks": 3, "SHOES": 1, "Shoes": 2}, "socks")
    'Socks'
    """
    if text in departments:
        return text
    alike = [name for name in departments if name.strip().casefold() == text.strip().casefold()]
    return alike[0] if len(alike) == 1 else None
