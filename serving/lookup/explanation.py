"""Why a list is as it is: who proposed each article, and which rule took which article out.

In: a published list, the rules of the lookup. Out: `ExplainedItem`s and `FilteredArticle`s.
"""

from collections.abc import Mapping

from serving.cache.article_facts import ArticleFacts
from serving.cache.list_buckets import CachedList, Proposer
from serving.lookup.answers import ExplainedItem, FilteredArticle, items_at
from serving.lookup.lookup_rules import LookupRules


def explained_items(
    chosen: CachedList, rules: LookupRules, facts: Mapping[str, ArticleFacts], k: int
) -> tuple[ExplainedItem, ...]:
    """The first k articles that no rule bars."""
    places = rules.places_left(chosen.article_ids, facts)[:k]
    items = zip(places, items_at(chosen, places), strict=True)
    return tuple(ExplainedItem(place + 1, item, _names(chosen.proposers[place])) for place, item in items)


def filtered_articles(
    chosen: CachedList, rules: LookupRules, facts: Mapping[str, ArticleFacts]
) -> tuple[FilteredArticle, ...]:
    """What the rules take out of the whole published list."""
    filtered = []
    for place, (article_id, rule) in enumerate(rules.rule_for_each(chosen.article_ids, facts), 1):
        if rule is not None:
            barred = rules.barred.get(article_id)
            note, since = (barred.note, barred.since) if barred else ("", None)
            filtered.append(FilteredArticle(place, article_id, rule, note, since))
    return tuple(filtered)


def _names(proposers: int) -> tuple[str, ...]:
    return tuple(each.name.lower() for each in Proposer if proposers & each)
