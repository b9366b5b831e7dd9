"""What is known of articles, and which articles of a published list may be shown.

In: facts of articles, the rules of the moment, published lists. Out: the items that no rule bars; to explain a list,
also the articles that a rule took out of it. Lists are published longer than they are shown, so that what is left
still fills them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from serving.cache.article_facts import ArticleFacts
from serving.cache.list_buckets import CachedList, Proposer
from serving.lookup.answers import ExplainedItem, FilteredArticle, Item, reasons_of
from serving.lookup.barred_articles import Rule
from serving.lookup.lookup_rules import LookupRules


@dataclass
class Catalogue:
    """The articles of a version under the rules of the moment.

    Attributes:
        rules: what bars articles.
        facts: by article id. An article without facts falls under no cap.
        version: whose facts these are; empty before any were read.
        departments: how many articles each has.
    """

    rules: LookupRules = field(default_factory=LookupRules)
    facts: Mapping[str, ArticleFacts] = field(default_factory=dict)
    version: str = ""
    departments: Mapping[str, int] = field(default_factory=dict)

    def items(self, chosen: CachedList, k: int, is_wanted: Callable[[Item], bool] | None = None) -> tuple[Item, ...]:
        """Return the first k articles of a list that no rule bars and that are wanted."""
        places = self.places_left(chosen.article_ids)
        if is_wanted is None:
            return _items_at(chosen, places[:k])
        return tuple(filter(is_wanted, _items_at(chosen, places)))[:k]

    def places_left(self, article_ids: Sequence[str]) -> Sequence[int]:
        """Return the places of a list, counted from 0, that no rule bars."""
        if self.rules.most_per_product_code is None:
            barred = self.rules.barred
            return [place for place, article_id in enumerate(article_ids) if article_id not in barred]
        return [place for place, (_, rule) in enumerate(self.rule_for_each(article_ids)) if rule is None]

    def rule_for_each(self, article_ids: Sequence[str]) -> Iterator[tuple[str, Rule | None]]:
        """Yield each article of a list, best first, with the rule that bars it, or None."""
        cap, counts = self.rules.most_per_product_code, {}
        for article_id in article_ids:
            if barred := self.rules.barred.get(article_id):
                yield article_id, barred.rule
                continue
            code = self.facts[article_id].product_code if article_id in self.facts else article_id
            counts[code] = counts.get(code, 0) + 1
            yield article_id, Rule.CAP if cap is not None and counts[code] > cap else None

    def explained(self, chosen: CachedList, k: int) -> tuple[ExplainedItem, ...]:
        """Return the first k articles of a list that no rule bars, each with its place and all that proposed it."""
        places = self.places_left(chosen.article_ids)[:k]
        items = zip(places, _items_at(chosen, places), strict=True)
        return tuple(ExplainedItem(place + 1, item, _names(chosen.proposers[place])) for place, item in items)

    def filtered(self, chosen: CachedList) -> tuple[FilteredArticle, ...]:
        """Return what the rules take out of a whole published list."""
        filtered = []
        for place, (article_id, rule) in enumerate(self.rule_for_each(chosen.article_ids), 1):
            if rule is not None:
                barred = self.rules.barred.get(article_id)
                note, since = (barred.note, barred.since) if barred else ("", None)
                filtered.append(FilteredArticle(place, article_id, rule, note, since))
        return tuple(filtered)


def _items_at(chosen: CachedList, places: Sequence[int]) -> tuple[Item, ...]:
    source, ids, scores, proposers = chosen
    reasons = reasons_of(source)
    return tuple([Item(ids[place], scores[place], reasons[proposers[place]]) for place in places])


def _names(proposers: int) -> tuple[str, ...]:
    return tuple(each.name.lower() for each in Proposer if proposers & each)
