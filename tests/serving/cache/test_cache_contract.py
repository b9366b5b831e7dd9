"""Keys, codec and manifest: round trips, limits, damage."""

import json
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.crc import key_slot

from serving.cache.article_facts import ArticleFacts, decode_articles, encode_articles
from serving.cache.article_numbers import article_id_of, article_ids_of, article_numbers
from serving.cache.buckets import bucket_count_for, bucket_number, customer_fingerprint, customer_fingerprints
from serving.cache.contract import (
    CacheFormatError,
    CacheKeys,
    Manifest,
    PartSummary,
    registered_counts,
    registry_value,
)
from serving.cache.list_buckets import (
    CachedList,
    ListArrays,
    Source,
    bytes_per_customer,
    check_lists,
    encode_buckets,
    find_list,
    place_of,
)

scores = st.floats(width=16, allow_nan=False, allow_infinity=False)
article_number = st.integers(1, 2**32 - 1)
one_item = st.tuples(article_number, scores, st.integers(0, 255))
one_list = st.tuples(st.lists(one_item, max_size=6), st.sampled_from(Source))
lists_of_customers = st.dictionaries(st.text(min_size=1), one_list, min_size=1, max_size=40)


def encoded(lists: dict, k: int = 6) -> list[bytes]:
    """All buckets of `{customer_id: ([(article_number, score, proposers), ...], source)}`."""
    numbers = np.zeros((len(lists), k), dtype=np.uint32)
    list_scores = np.full((len(lists), k), np.nan, dtype=np.float32)
    proposers = np.full((len(lists), k), 255, dtype=np.uint8)
    for row, (items, _) in enumerate(lists.values()):
        for place, item in enumerate(items):
            numbers[row, place], list_scores[row, place], proposers[row, place] = item
    sources = np.array([source for _, source in lists.values()], dtype=np.uint8)
    fingerprints = customer_fingerprints(list(lists))
    count = bucket_count_for(len(lists))
    arrays = ListArrays(numbers, list_scores, sources, proposers)
    chunks = encode_buckets(fingerprints, arrays, count)
    return [value for chunk in chunks for value in chunk.values]


def looked_up(buckets: list[bytes], customer_id: str) -> CachedList | None:
    return find_list(buckets[bucket_number(customer_id, len(buckets))], customer_id)


@given(lists_of_customers)
@settings(deadline=None, max_examples=60)
def test_every_customer_gets_back_the_list_that_was_encoded(lists):
    buckets = encoded(lists)
    for customer_id, (items, source) in lists.items():
        found = looked_up(buckets, customer_id)
        assert found.source is source
        assert found.article_ids == tuple(f"{number:010d}" for number, _, _ in items)
        assert found.scores == tuple(float(f"{score:.4g}") for _, score, _ in items)
        assert found.proposers == tuple(proposers for _, _, proposers in items)


@given(lists_of_customers, st.data())
@settings(deadline=None, max_examples=60)
def test_any_changed_byte_is_an_error(lists, data):
    bucket = bytearray(encoded(lists)[0])
    position = data.draw(st.integers(0, len(bucket) - 1))
    bucket[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CacheFormatError, match="publish again"):
        find_list(bytes(bucket), "anyone")


@pytest.mark.parametrize("size", [0, 1, 7, 8, 50])
def test_a_cut_bucket_is_an_error(size):
    bucket = encoded({"a": ([(1, 1.0, 0)], Source.PERSONAL)})[0]
    with pytest.raises(CacheFormatError):
        find_list(bucket[:size], "a")


def test_a_bucket_has_the_bytes_that_its_format_says():
    header, fingerprint, source_and_count = 8, 8, 2
    bucket = encoded({"a": ([(1, 1.0, 0)], Source.PERSONAL), "b": ([], Source.SEGMENT)}, k=12)[0]
    assert len(bucket) == header + 2 * (fingerprint + source_and_count + 12 * (4 + 2 + 1))
    assert bytes_per_customer(12) == fingerprint + source_and_count + 12 * (4 + 2 + 1)


def test_a_stranger_is_in_no_bucket():
    buckets = encoded({f"customer-{i}": ([(i + 1, 1.0, 0)], Source.PERSONAL) for i in range(100)})
    assert looked_up(buckets, "customer-100") is None


def test_buckets_share_the_customers_evenly():
    lists = {f"customer-{i}": ([], Source.PERSONAL) for i in range(3_200)}
    sizes = [(len(bucket) - 8) / bytes_per_customer(6) for bucket in encoded(lists)]
    assert len(sizes) == 3_200 / 32
    assert sum(sizes) == 3_200
    assert max(sizes) < 32 + 6 * 32**0.5  # six standard deviations of a Poisson count


def halves(customer_id: str) -> tuple[int, int]:
    return divmod(customer_fingerprint(customer_id), 2**32)[::-1]


@pytest.mark.parametrize("is_there", [True, False])
def test_bytes_of_two_neighbours_are_not_taken_for_a_customer(is_there):
    names = (f"customer-{n}" for n in range(1_000))
    name, low, high = next((name, *halves(name)) for name in names if halves(name)[0] + 1 < halves(name)[1])
    neighbours = [low << 32, low + 1 << 32 | high]  # the end of one and the begin of the other are the customer's bytes
    fingerprints = np.array([*neighbours, *([customer_fingerprint(name)] if is_there else [])], dtype=np.uint64)
    ones = np.ones((len(fingerprints), 1))
    lists = ListArrays(ones.astype(np.uint32), ones, np.ones(len(ones), np.uint8), ones.astype(np.uint8))
    (chunk,) = encode_buckets(fingerprints, lists, 1)
    assert place_of(chunk.values[0], name) == (2 if is_there else None)


def test_leading_zeros_come_back():
    numbers = article_numbers([["0706016001", "0000000001"], ["4294967295", ""]])
    assert numbers.tolist() == [[706016001, 1], [4294967295, 0]]
    assert article_id_of(706016001) == "0706016001"
    assert article_ids_of([706016001, 1, 4294967295]) == ("0706016001", "0000000001", "4294967295")
    assert article_ids_of([]) == ()


@pytest.mark.parametrize(
    "article_id", ["706016001", "07060160011", "070601600x", "٠٧٠٦٠١٦٠٠١", "0000000000", "4294967296", "-706016001"]
)
def test_an_article_id_that_would_not_come_back_is_refused(article_id):
    with pytest.raises(ValueError, match="article_id"):
        article_numbers([article_id])


def test_a_customer_given_twice_is_refused():
    fingerprints = customer_fingerprints(["a", "b", "a"])
    ones = np.ones((3, 1))
    lists = ListArrays(ones.astype(np.uint32), ones, np.ones(3, np.uint8), ones.astype(np.uint8))
    with pytest.raises(ValueError, match="lists 0 and 2 belong to the same customer"):
        list(encode_buckets(fingerprints, lists, 1))


@pytest.mark.parametrize(
    ("numbers", "list_scores", "sources", "message"),
    [
        ([[1, 0, 3]], [[1, 1, 1]], [1], "list 0 has an article after an empty place"),
        ([[1, 2], [3, 4]], [[1, 1], [1, np.nan]], [1, 1], "list 1 has a score that is not finite"),
        ([[1, 2]], [[1, np.inf]], [1], "list 0 has a score that is not finite"),
        ([[1, 2]], [[70_000, 1]], [1], "beyond 65,504"),
        ([[1, 2]], [[1, 1]], [7], "source 7 is unknown"),
        ([[1, 2]], [[1, 1]], [1, 1], "need article numbers"),
        ([[]], [[]], [1], "1 to 255 articles"),
    ],
)
def test_lists_that_the_format_cannot_hold_are_refused(numbers, list_scores, sources, message):
    arrays = np.array(numbers, np.uint32), np.array(list_scores, np.float32), np.array(sources, np.uint8)
    with pytest.raises(ValueError, match=message):
        check_lists(ListArrays(*arrays, np.zeros(arrays[0].shape, np.uint8)))


def test_proposers_of_another_shape_are_refused():
    lists = ListArrays(np.ones((1, 2), np.uint32), np.ones((1, 2)), np.ones(1, np.uint8), np.ones((1, 3), np.uint8))
    with pytest.raises(ValueError, match=r"got \(1, 2\), \(1, 2\), \(1,\) and \(1, 3\)"):
        check_lists(lists)


def test_control_keys_share_a_cluster_slot_and_buckets_spread():
    keys = CacheKeys("demo")
    control = [keys.current, keys.history, keys.registry, keys.lock]
    assert len({key_slot(key.encode()) for key in control}) == 1
    buckets = [keys.bucket("v1", number) for number in range(100)]
    assert len({key_slot(key.encode()) for key in buckets}) > 90


def test_datasets_and_versions_have_no_key_in_common():
    names = [
        set(CacheKeys(dataset).all_of_version(version, {"bucket": 3})) | {CacheKeys(dataset).current}
        for dataset in ("demo", "demo-2")
        for version in ("v1", "v2")
    ]
    assert len(set().union(*names)) == 4 * 6 + 2  # two datasets share nothing but each its own pointer


@pytest.mark.parametrize("dataset", ["", "a b", "{demo}", "demo:current", "démo"])
def test_a_dataset_name_that_breaks_keys_is_refused(dataset):
    with pytest.raises(ValueError, match="Redis key"):
        CacheKeys(dataset)


def a_manifest(**changes) -> Manifest:
    fields = {
        "version": "v1", "run_id": "7", "dataset": "demo", "model": "two_tower", "k": 12, "customers": 3,
        "customers_by_source": {"personal": 3}, "articles": 5, "windows": {"train": {"start": "a", "end": "b"}},
        "created_at": "2020-09-23T02:15:00+00:00", "bucket_count": 1, "bytes": 254, "checksum": "00",
        "example_customers": {"personal": "a"},
    }  # fmt: skip
    return Manifest(**(fields | changes))


def test_a_manifest_comes_back_and_ignores_what_a_later_contract_adds():
    written = a_manifest().to_json()
    assert Manifest.from_json(written) == a_manifest()
    assert Manifest.from_json(written[:-1] + b', "seasons": 4}') == a_manifest()


def test_a_manifest_of_an_earlier_release_has_no_parts_but_its_buckets():
    parts = {"similar": PartSummary(keys=2, bytes=188, checksum="00")}
    whole = a_manifest(segments=("25-34/online",), parts=parts)
    assert Manifest.from_json(whole.to_json()) == whole
    assert (whole.keys_of("bucket"), whole.keys_of("similar"), whole.keys_of("shown")) == (1, 2, 0)
    earlier = {name: value for name, value in json.loads(whole.to_json()).items() if name not in ("segments", "parts")}
    assert Manifest.from_json(json.dumps(earlier).encode()) == a_manifest()


def test_the_registry_tells_all_keys_of_new_and_earlier_versions():
    counts = {"bucket": 3, "purchases": 3, "similar": 2, "shown": 1}
    assert registered_counts(registry_value(counts)) == counts
    assert registered_counts(b"42") == {"bucket": 42}  # as earlier releases wrote it
    names = list(CacheKeys("demo").all_of_version("v1", counts))
    assert len(names) == len(set(names)) == 9 + 3
    assert {name for name in names if ":similar:" in name} == {f"recommendations:demo:v1:similar:{n}" for n in (0, 1)}


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"null", b"\xff", a_manifest(format=1).to_json()])
def test_a_manifest_that_cannot_be_used_is_an_error(value):
    with pytest.raises(CacheFormatError, match="publish"):
        Manifest.from_json(value)


TEXT = st.text(max_size=12)


@given(st.dictionaries(st.integers(1, 2**32 - 1).map(article_id_of), st.tuples(*[TEXT] * 6).map(ArticleFacts._make)))
@settings(deadline=None, max_examples=60)
def test_articles_come_back(articles):
    assert decode_articles(encode_articles(articles)) == articles


def test_many_articles_come_back_and_share_their_texts():
    articles = {
        article_id_of(n): ArticleFacts(f"Sock {n % 7}", str(n), "Socks", "Sock", "Black") for n in range(1, 3000)
    }
    decoded = decode_articles(encode_articles(articles))
    assert decoded == articles
    assert len({id(each.department) for each in decoded.values()}) == 1
    assert len({id(each.name) for each in decoded.values()}) == 7


def test_articles_of_an_earlier_release_know_nothing_of_colours():
    columns = {"article_id": ["1"], "name": ["Strap top"], "product_code": ["7"], "department": ["Jersey"]}
    value = zlib.compress(json.dumps(columns).encode())
    assert decode_articles(value) == {"1": ArticleFacts("Strap top", "7", "Jersey", "", "", "")}


@pytest.mark.parametrize(
    "value", [b"", b"nothing compressed", zlib.compress(b"[]"), zlib.compress(b'{"article_id": ["1"], "name": []}')]
)
def test_damaged_articles_are_an_error(value):
    with pytest.raises(CacheFormatError, match="publish again"):
        decode_articles(value)
