"""A deny list may name what the catalogue does not have: it is told, and no night ends for it."""

from recommender.evaluation.deny_list import DenyList
from recommender.evaluation.result_text import describe_failure

KNOWN = ["0108775015", "0108775044", "0706016001"]


def test_an_id_that_no_article_has_warns_and_is_named():
    (result,) = DenyList(["0706016099", "0108775015", "0999999999"], KNOWN).results()
    assert result.is_warned
    assert not result.is_refused
    assert describe_failure(result) == "unknown_denied_articles is 2 (at most 0): 0706016099, 0999999999"


def test_a_list_of_known_articles_passes():
    (result,) = DenyList(["0108775015", "0706016001"], KNOWN).results()
    assert result.passed


def test_without_a_deny_list_there_is_nothing_to_test():
    assert DenyList([], KNOWN).results() == []
