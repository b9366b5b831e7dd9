"""Rules that bar articles from every list at once, without publishing again: denied, out of stock, a cap per product.

Stage: between a published list and its answer. In: the rules as `rule_book` keeps them and a list. Out: which rule bars
which article of it. Lists are published longer than they are shown, so that what is left still fills them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from serving.cache.article_facts import ArticleFacts
from serving.cache.contract import CacheFormatError

CAP_FIELD = "cap:product_code"


class Rule(StrEnum):
    """Why an article is barred."""

    DENIED = "denied"
    OUT_OF_STOCK = "out_of_stock"
    CAP = "cap"
    """The list has as many of its product code as it may have."""


@dataclass(frozen=True)
class BarredArticle:
    """One article that is recommended to nobody.

    Attributes:
        rule: `Rule.DENIED` or `Rule.OUT_OF_STOCK`.
        note: why, in the words of the person who barred it.
        since: UTC, ISO 8601.
    """

    rule: Rule
    note: str
    since: str

    def to_json(self) -> str:
        """Return the value of its field in Redis."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class LookupRules:
    """The rules of a dataset at one moment.

    Attributes:
        barred: article id to why it is barred.
        most_per_product_code: most articles of one product code in an answer; None without a cap.
    """

    barred: Mapping[str, BarredArticle] = field(default_factory=dict)
    most_per_product_code: int | None = None

    def places_left(self, article_ids: Sequence[str], facts: Mapping[str, ArticleFacts]) -> Sequence[int]:
        """Return the places of a list, counted from 0, that no rule bars.

        Args:
            article_ids: the list, best first.
            facts: have the product codes; an article without facts counts towards no cap.
        """
        if not self.barred and self.most_per_product_code is None:
            return range(len(article_ids))
        rules = self.rule_for_each(article_ids, facts)
        return [place for place, (_, rule) in enumerate(rules) if rule is None]

    def rule_for_each(
        self, article_ids: Sequence[str], facts: Mapping[str, ArticleFacts]
    ) -> Iterator[tuple[str, Rule | None]]:
        """Yield each article of a list with the rule that bars it, None where none does; see `places_left`."""
        counts: dict[str, int] = {}
        for article_id in article_ids:
            if barred := self.barred.get(article_id):
                yield article_id, barred.rule
                continue
            code = facts[article_id].product_code if article_id in facts else article_id
            counts[code] = counts.get(code, 0) + 1
            is_too_many = self.most_per_product_code is not None and counts[code] > self.most_per_product_code
            yield article_id, Rule.CAP if is_too_many else None


def read_rules(fields: Mapping[bytes, bytes]) -> LookupRules:
    """Turn the hash in Redis into rules.

    Raises:
        CacheFormatError: a field is damaged; the message names it.
    """
    barred, cap = {}, None
    for name, value in fields.items():
        try:
            if name == CAP_FIELD.encode():
                cap = int(value)
            else:
                each = json.loads(value)
                barred[name.decode()] = BarredArticle(Rule(each["rule"]), each["note"], each["since"])
        except (ValueError, KeyError, TypeError) as error:
            raise CacheFormatError(f"the rule of {name!r} cannot be read ({error!r}); set it again.") from error
    return LookupRules(barred, cap)
