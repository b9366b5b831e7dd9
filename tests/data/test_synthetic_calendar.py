"""How much goes into a basket: the same in every shop up to a tenth of H&M, less in larger ones."""

import pytest

from data.synthetic_calendar import planned_articles_per_basket


@pytest.mark.parametrize("articles", [8, 2_000, 10_500])
def test_shops_up_to_a_tenth_of_hm_plan_four_articles_per_basket(articles):
    assert planned_articles_per_basket(articles) == 4.0


def test_a_shop_ten_times_larger_plans_less():
    assert planned_articles_per_basket(105_000) == pytest.approx(4.0 - 0.66)
