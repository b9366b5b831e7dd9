"""What words find, and that no text is a broken query."""

import boutique
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.cache.article_facts import ArticleFacts
from serving.page.article_search import ArticleSearch

SEARCH = ArticleSearch(boutique.facts())
FACTS = boutique.facts()


def names(text: str, most: int = 50) -> list[str]:
    return [FACTS[each].name for each in SEARCH.find(text, most).article_ids]


def test_every_word_must_be_there_wherever_it_is():
    found = SEARCH.find("black cotton luna", 50)
    assert found.has_all_words
    [shirt] = (FACTS[each] for each in found.article_ids)
    assert (shirt.name, shirt.colour) == ("Luna shirt", "Black")
    assert shirt.description.startswith("Cotton")


@pytest.mark.parametrize("text", ["umbr", "UMBRELLA", "Vera umbrella!", "push opens", boutique.UNSHOWN, "099999"])
def test_an_article_is_found_by_beginnings_case_description_id_and_product_code(text):
    assert names(text) == ["Vera umbrella"]


def test_accents_do_not_matter():
    search = ArticleSearch({"1": ArticleFacts("Été robe", "1", "Dresses")})
    assert search.find("ete", 5).article_ids == search.find("ÉTÉ", 5).article_ids == ["1"]


def test_a_word_in_the_name_counts_more_than_one_in_the_description():
    facts = {
        "1": ArticleFacts("Coat", "1", "Coats", description="Goes with a scarf."),
        "2": ArticleFacts("Scarf", "2", "Accessories", description="Goes with a coat."),
    }
    assert ArticleSearch(facts).find("scarf", 5).article_ids == ["2", "1"]


def test_what_somebody_is_recommended_comes_before_what_fits_better():
    facts = {
        "1": ArticleFacts("Scarf", "1", "Scarves"),
        "2": ArticleFacts("Coat", "2", "Coats", description="Goes with a scarf."),
        "3": ArticleFacts("Scarf warm", "3", "Scarves"),
        "4": ArticleFacts("Scarf long", "4", "Scarves"),
    }
    assert ArticleSearch(facts, {"2", "4", "gone"}).find("scarf", 5).article_ids == ["4", "2", "1", "3"]
    assert ArticleSearch(facts).find("scarf", 5).article_ids[0] == "1"


def test_without_an_article_that_has_all_words_those_with_some_are_found():
    found = SEARCH.find("umbrella zzz", 5)
    assert (found.article_ids, found.has_all_words) == ([boutique.UNSHOWN], False)
    assert SEARCH.find("zzz", 5) == ([], True)


def test_no_more_than_wanted_are_found():
    assert len(names("black", 7)) == 7


@given(
    st.text(max_size=40) | st.lists(st.sampled_from(['"', "*", "AND", "NEAR(", "-", "name:", "a", "\0"])).map(" ".join)
)
def test_any_text_can_be_asked_for(text):
    assert len(SEARCH.find(text, 3).article_ids) <= 3
