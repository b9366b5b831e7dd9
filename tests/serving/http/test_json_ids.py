"""Customers' ids in a body: text, or the whole numbers that many shops have."""

import pytest


def ask(http, *customer_ids):
    return http.post("/recommendations", json={"customer_ids": customer_ids})


def test_a_whole_number_is_the_customer_with_that_id(published_api):
    response = ask(published_api, 17850, "17851", -1, 2**80)
    assert response.status_code == 200, response.text
    found = [each["customer_id"] for each in response.json()["recommendations"]]
    assert found == ["17850", "17851", "-1", str(2**80)]


@pytest.mark.parametrize("customer_id", [17850.0, 1.5, True, False, None, [1], {"id": 1}, 10**128])
def test_other_values_are_refused(published_api, customer_id):
    assert ask(published_api, customer_id).status_code == 422
