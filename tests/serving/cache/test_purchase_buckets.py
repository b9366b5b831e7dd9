"""Codec of last purchases: what goes in comes back, beside the lists of the same customers; damage is an error."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.cache.article_numbers import article_id_of
from serving.cache.buckets import bucket_count_for, bucket_number, customer_fingerprints
from serving.cache.contract import CacheFormatError
from serving.cache.list_buckets import ListArrays, Source, encode_buckets, place_of
from serving.cache.purchase_buckets import Purchase, PurchaseArrays, check_purchases, encode_purchases, purchases_at

MOST = 4
one_purchase = st.tuples(st.integers(1, 2**32 - 1), st.integers(0, 2**16 - 1))
purchases_of_customers = st.dictionaries(
    st.text(min_size=1), st.lists(one_purchase, max_size=MOST), min_size=1, max_size=80
)


def arrays_of(purchases: dict) -> PurchaseArrays:
    """Of `{customer_id: [(article_number, day), ...]}`; the day of an empty place is noise."""
    numbers = np.zeros((len(purchases), MOST), np.uint32)
    days = np.full((len(purchases), MOST), 7, np.uint16)
    for row, own in enumerate(purchases.values()):
        for place, each in enumerate(own):
            numbers[row, place], days[row, place] = each
    return PurchaseArrays(numbers, days)


def encoded(purchases: dict) -> tuple[list[bytes], list[bytes]]:
    """Buckets of lists of the same customers, and of their purchases."""
    fingerprints, count = customer_fingerprints(list(purchases)), bucket_count_for(len(purchases))
    ones = np.ones((len(purchases), 1))
    lists = ListArrays(
        ones.astype(np.uint32), ones, np.full(len(purchases), Source.PERSONAL, np.uint8), ones.astype(np.uint8)
    )
    both = encode_buckets(fingerprints, lists, count), encode_purchases(fingerprints, arrays_of(purchases), count)
    return tuple([value for chunk in chunks for value in chunk.values] for chunks in both)


@given(purchases_of_customers)
@settings(deadline=None, max_examples=60)
def test_every_customer_gets_back_the_purchases_that_were_encoded(purchases):
    lists, buckets = encoded(purchases)
    assert len(lists) == len(buckets)
    for customer_id, own in purchases.items():
        number = bucket_number(customer_id, len(buckets))
        found = purchases_at(buckets[number], place_of(lists[number], customer_id))
        assert found == tuple(
            Purchase(article_id_of(article), date(1970, 1, 1) + timedelta(day)) for article, day in own
        )


@given(purchases_of_customers, st.data())
@settings(deadline=None, max_examples=60)
def test_any_changed_byte_is_an_error(purchases, data):
    bucket = bytearray(encoded(purchases)[1][0])
    position = data.draw(st.integers(0, len(bucket) - 1))
    bucket[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CacheFormatError, match="publish again"):
        purchases_at(bytes(bucket), 0)


def test_a_customer_takes_no_more_than_what_was_bought():
    """One byte for the count, six for each purchase: 2020-09-22 is day 18,527, 0x485f."""
    (bucket,) = encoded({"a": [(706016001, 18_527)]})[1]
    assert bucket[8:].hex() == "01" + (706016001).to_bytes(4, "little").hex() + "5f48"
    assert purchases_at(bucket, 0) == (Purchase("0706016001", date(2020, 9, 22)),)


def test_a_place_that_the_bucket_does_not_have_is_an_error():
    (bucket,) = encoded({"a": []})[1]
    assert purchases_at(bucket, 0) == ()
    with pytest.raises(CacheFormatError, match="1 customers, so no place 1"):
        purchases_at(bucket, 1)


@pytest.mark.parametrize(
    ("numbers", "days", "message"),
    [
        ([[1, 0, 3]], [[1, 1, 1]], "customer 0 has a purchase after an empty place"),
        ([[1]], [[1, 1]], "need article numbers and days"),
        ([[1], [1]], [[1], [1]], "of 1 customers"),
        ([[]], [[]], "1 to 255 purchases"),
    ],
)
def test_purchases_that_the_format_cannot_hold_are_refused(numbers, days, message):
    with pytest.raises(ValueError, match=message):
        check_purchases(PurchaseArrays(np.array(numbers, np.uint32), np.array(days, np.uint16)), customers=1)
