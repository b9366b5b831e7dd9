"""What is denied, sold out or too much of one product is kept out of a list, and the next articles move up."""

from serving.cache.article_facts import ArticleFacts
from serving.cache.list_buckets import CachedList, Proposer, Source
from serving.lookup.answers import ExplainedItem, FilteredArticle, Item, Reason
from serving.lookup.barred_articles import BarredArticle, BarredArticles, Rule
from serving.lookup.catalogue import Catalogue
from serving.lookup.lookup_rules import LookupRules

SINCE = "2020-09-23T02:15:00+00:00"
DENIED = BarredArticle(Rule.DENIED, "recalled", SINCE)
SOLD_OUT = BarredArticle(Rule.OUT_OF_STOCK, "", SINCE)
FACTS = {article: ArticleFacts(article, code, "Socks") for article, code in zip("abcdef", "xxyxyz", strict=True)}
OF_THREE = CachedList(Source.PERSONAL, ("a", "b", "c"), (3.0, 2.0, 1.0), (Proposer.OWN | Proposer.EASE, 0, 0))


def kept(rules: LookupRules, articles: str) -> str:
    return "".join(articles[place] for place in Catalogue(rules, FACTS).places_left(articles))


def test_without_rules_everything_stays():
    assert kept(LookupRules(), "abcdef") == "abcdef"


def test_barred_articles_go_and_their_rule_is_named():
    catalogue = Catalogue(LookupRules(BarredArticles({"b": DENIED, "d": SOLD_OUT, "q": DENIED})), FACTS)
    assert list(catalogue.rule_for_each("abd")) == [("a", None), ("b", Rule.DENIED), ("d", Rule.OUT_OF_STOCK)]


def test_a_cap_counts_what_stays_of_each_product_code():
    assert kept(LookupRules(most_per_product_code=1), "abcdef") == "acf"
    assert kept(LookupRules(most_per_product_code=2), "abcdef") == "abcef"
    assert (
        kept(LookupRules(BarredArticles({"a": DENIED}), most_per_product_code=1), "abcdef") == "bcf"
    )  # the denied one takes no place


def test_articles_without_facts_fall_under_no_cap():
    assert kept(LookupRules(most_per_product_code=1), "uvw") == "uvw"


def test_the_next_articles_move_up_and_an_unwanted_one_takes_no_place():
    catalogue = Catalogue(LookupRules(BarredArticles({"a": DENIED})), FACTS)
    b, c = Item("b", 2.0, Reason.BASELINE), Item("c", 1.0, Reason.BASELINE)
    assert catalogue.items(OF_THREE, k=2) == (b, c)
    assert catalogue.items(OF_THREE, k=1) == (b,)
    assert catalogue.items(OF_THREE, k=1, is_wanted=lambda item: item.article_id != "b") == (c,)


def test_an_explanation_has_places_proposers_and_what_was_filtered():
    catalogue = Catalogue(LookupRules(BarredArticles({"b": DENIED})), FACTS)
    assert catalogue.explained(OF_THREE, k=2) == (
        ExplainedItem(1, Item("a", 3.0, Reason.REPURCHASE), ("own", "ease")),
        ExplainedItem(3, Item("c", 1.0, Reason.BASELINE), ()),
    )
    assert catalogue.filtered(OF_THREE) == (FilteredArticle(2, "b", Rule.DENIED, "recalled", SINCE),)
    capped = Catalogue(LookupRules(most_per_product_code=1), FACTS)
    assert capped.filtered(OF_THREE) == (FilteredArticle(2, "b", Rule.CAP, "", None),)
