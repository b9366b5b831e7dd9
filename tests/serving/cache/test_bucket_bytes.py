"""The bytes of two tiny buckets, written out: they lie in somebody's Redis, so another layout needs another format."""

from datetime import date

import numpy as np
import pytest

from serving.cache.buckets import customer_fingerprints
from serving.cache.contract import CacheFormatError
from serving.cache.list_buckets import CachedList, ListArrays, Source, encode_buckets, find_list, place_of
from serving.cache.purchase_buckets import Purchase, PurchaseArrays, encode_purchases, purchases_at

FINGERPRINTS = customer_fingerprints(["ada", "bob", "eve"])
NUMBERS = np.array([[706016001, 108775015], [108775015, 0], [0, 0]], np.uint32)
LISTS = ListArrays(
    NUMBERS,
    scores=np.array([[1.5, 0.25], [2.0, np.nan], [0.0, 0.0]], np.float32),
    sources=np.array([Source.PERSONAL, Source.SEGMENT, Source.PERSONAL], np.uint8),
    proposers=np.array([[5, 64], [0, 9], [1, 1]], np.uint8),
)
PURCHASES = PurchaseArrays(NUMBERS, days=np.array([[18_527, 18_506], [18_500, 7], [7, 7]], np.uint16))

# Eve and Bob are in bucket 1, in the order of their fingerprints.
OF_ADA = bytes.fromhex(
    "02 02 0100 5c8b6f02"  # format, k, one list, CRC-32
    "15b0da4321160527"
    "01 02 01f3142a67c67b06 003e0034 0540"  # personal, two articles, 1.5 and 0.25 in half precision, proposers
)
OF_EVE_AND_BOB = bytes.fromhex(
    "02 02 0200 fae825a2"
    "337a98c32ab47282 74f32b2bb966a492"
    "01 00 0000000000000000 00000000 0000"
    "02 01 67c67b0600000000 00400000 0000"
)
BOUGHT_BY_ADA = bytes.fromhex(
    "01 02 0100 83b360a6"  # format, most purchases, one customer, CRC-32
    "02"
    "01f3142a 67c67b06"
    "5f48 4a48"  # 18,527 and 18,506
)
BOUGHT_BY_EVE_AND_BOB = bytes.fromhex("01 02 0200 5dd29b3d 00 01 67c67b06 4448")


def test_two_buckets_of_lists_have_these_bytes():
    (chunk,) = encode_buckets(FINGERPRINTS, LISTS, bucket_count=2)
    assert chunk == (0, [OF_ADA, OF_EVE_AND_BOB], 3)


def test_the_lists_are_read_from_these_bytes():
    articles = ("0706016001", "0108775015")
    assert find_list(OF_ADA, "ada") == CachedList(Source.PERSONAL, articles, (1.5, 0.25), (5, 64))
    assert find_list(OF_EVE_AND_BOB, "eve") == CachedList(Source.PERSONAL, (), (), ())
    assert find_list(OF_EVE_AND_BOB, "bob") == CachedList(Source.SEGMENT, articles[1:], (2.0,), (0,))
    assert [place_of(OF_EVE_AND_BOB, name) for name in ("eve", "bob", "ada")] == [0, 1, None]


def test_two_buckets_of_purchases_have_these_bytes():
    (chunk,) = encode_purchases(FINGERPRINTS, PURCHASES, bucket_count=2)
    assert chunk == (0, [BOUGHT_BY_ADA, BOUGHT_BY_EVE_AND_BOB], 3)


def test_the_purchases_are_read_from_these_bytes():
    first, second = Purchase("0706016001", date(2020, 9, 22)), Purchase("0108775015", date(2020, 9, 1))
    assert purchases_at(BOUGHT_BY_ADA, 0) == (first, second)
    assert purchases_at(BOUGHT_BY_EVE_AND_BOB, 0) == ()
    assert purchases_at(BOUGHT_BY_EVE_AND_BOB, 1) == (Purchase("0108775015", date(2020, 8, 26)),)


def test_lists_are_not_taken_for_purchases():
    with pytest.raises(CacheFormatError, match="format 2, this code reads 1"):
        purchases_at(OF_ADA, 0)
