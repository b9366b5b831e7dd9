"""What the pages show, as plain values: rows of articles, in words that people use.

In: what the store answers. Out: values for the templates.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from serving.cache.article_facts import NOTHING_KNOWN, ArticleFacts
from serving.cache.list_buckets import Source
from serving.cache.purchase_buckets import Purchase
from serving.lookup.answers import Explanation, Item, Reason
from serving.lookup.barred_articles import Rule
from serving.page.pictures import Pictures

NAME_UNKNOWN = "Article without a name"
REASONS = {
    Reason.REPURCHASE: "bought before",
    Reason.LAST_BASKET: "goes with the last purchases",
    Reason.TWO_TOWER: "near the customer’s taste",
    Reason.BOUGHT_TOGETHER: "bought by similar customers",
    Reason.NEW: "new this week",
    Reason.RISING: "rising in the segment",
    Reason.SEGMENT: "popular in the segment",
    Reason.POPULAR: "popular with everybody",
    Reason.SIMILAR: "similar",
    Reason.BASELINE: "a simple rule, which did better",
}
RULES = {Rule.DENIED: "denied", Rule.OUT_OF_STOCK: "out of stock", Rule.CAP: "enough of its kind"}
SOURCES = {
    Source.PERSONAL: "The customer’s own list",
    Source.SEGMENT: "What the customer’s segment buys: there is no purchase to learn from",
    Source.POPULAR: "What everybody buys",
}


@dataclass(frozen=True)
class ArticleCard:
    """An article as rows and pages show it; `kind` is product type, colour and department in one line."""

    article_id: str
    name: str
    kind: str
    picture: str | None
    facts: ArticleFacts

    @property
    def alt(self) -> str:
        """What the picture shows, in words."""
        return f"{self.name}, {self.kind}" if self.kind else self.name


@dataclass(frozen=True)
class RecommendedRow:
    """A place of a list."""

    rank: int
    article: ArticleCard
    score: str
    reason: str


class Cards:
    """Makes cards of one version's articles."""

    def __init__(self, facts: Mapping[str, ArticleFacts], pictures: Pictures) -> None:
        self._facts, self._pictures = facts, pictures

    def card(self, article_id: str) -> ArticleCard:
        """Return an article's card; without facts it has the id alone."""
        facts = self._facts.get(article_id, NOTHING_KNOWN)
        kind = " · ".join(filter(None, (facts.product_type, facts.colour, facts.department)))
        return ArticleCard(article_id, facts.name or NAME_UNKNOWN, kind, self._pictures.address(article_id), facts)

    def rows(self, items: Iterable[Item]) -> list[RecommendedRow]:
        """Return the rows of a list."""
        return [
            RecommendedRow(rank, self.card(each.article_id), f"{each.score:.4g}", REASONS[each.reason])
            for rank, each in enumerate(items, 1)
        ]

    def bought(self, purchases: Iterable[Purchase]) -> list[tuple[str, ArticleCard]]:
        """Return purchases as (day, article)."""
        return [(each.day.isoformat(), self.card(each.article_id)) for each in purchases]

    def left_out(self, explained: Explanation) -> list[tuple[ArticleCard, str]]:
        """Return what rules took out before the last shown place, as (article, rule)."""
        last = explained.items[-1].place if explained.items else 0
        return [(self.card(each.article_id), RULES[each.rule]) for each in explained.filtered if each.place < last]
