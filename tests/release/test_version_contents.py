"""What goes with the lists, on a planted shop and counted again in the generated one."""

from collections import defaultdict

import numpy as np
import pytest

from recommender.features.catalogue import Catalogue
from recommender.features.interactions import day_number
from recommender.release.version_contents import last_purchases, shown_to
from serving.cache.article_numbers import article_id_of

MOST = 5


@pytest.mark.parametrize("day_name", ["test_as_of_day", "cutoff"])
def test_last_purchases_are_the_newest_articles_before_the_day(demo_marts, demo_windows, day_name):
    """On the test day the marts already hold a week of later purchases: none of them may show."""
    day = getattr(demo_windows, day_name)
    purchases = demo_marts.table("purchases")
    newest = defaultdict(dict)
    for each in purchases.select(["purchase_day", "customer_code", "article_id"]).to_pylist():
        if each["purchase_day"] < day:
            newest[each["customer_code"]][each["article_id"]] = each["purchase_day"]  # ascending by day
    assert day == demo_windows.cutoff or purchases["purchase_day"][-1].as_py() >= day
    customers = demo_marts.customer_features(day, [])["customer_code"].to_numpy()[::-1]
    catalogue = Catalogue.of(purchases["article_id"])
    found = last_purchases(demo_marts, day, customers, MOST, catalogue)
    for customer, numbers, days in zip(customers, *found, strict=True):
        own = sorted(newest[customer].items(), key=lambda each: (-day_number(each[1]), each[0]))[:MOST]
        bought = numbers != 0
        assert list(zip(numbers[bought], days[bought], strict=True)) == [
            (int(article), day_number(last)) for article, last in own
        ]
    assert (found.days[found.numbers != 0] < day_number(day)).all()
    assert ((found.numbers != 0).sum(axis=1) == MOST).any()


def test_articles_name_the_customers_who_have_them_nearest_the_top():
    catalogue = Catalogue(np.array([article_id_of(number) for number in range(1, 5)], dtype=object))
    positions = np.array([[0, 1], [1, 0], [0, -1], [0, 1], [0, 1], [0, 1], [0, 1]], np.int32)
    customer_ids = np.array(["ann", "bob", "cat", "dan", "eve", "fay", "gil"], dtype=object)
    shown = shown_to(positions, customer_ids, catalogue)
    assert shown.article_ids.tolist() == ["0000000001", "0000000002"]
    assert shown.customers.tolist() == [7, 6]
    assert shown.examples.tolist() == [["ann", "cat", "dan"], ["bob", "ann", "dan"]]


def test_an_article_of_few_lists_names_them_all():
    catalogue = Catalogue(np.array(["0000000001", "0000000002"], dtype=object))
    shown = shown_to(np.array([[1, 0], [1, -1]], np.int32), np.array(["ann", "bob"], dtype=object), catalogue)
    assert shown.examples.tolist() == [["ann", "", ""], ["ann", "bob", ""]]
