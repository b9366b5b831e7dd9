"""Variants: who is in one, what they are served, and that a variant's end or loss leaves nobody without a list."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.release import published_versions
from recommender.release.published_versions import versions
from serving.cache.contract import CacheFormatError, CacheKeys
from serving.cache.variants import Variant, customer_place, decode_variants, encode_variants, free_start, variant_of
from serving.commands import variants
from serving.connection.redis_connection import connect_async, redis_url
from serving.lookup.recommendation_store import RecommendationStore
from serving.lookup.variant_book import VariantBook, VariantError

KEYS = CacheKeys("demo")
KNOWN_PLACE = 0.2310063378255852  # of customer-0; another number would give every running test other customers
CUSTOMERS = [f"customer-{row}" for row in range(100)]


def planted(name: str, start: float, share: float) -> Variant:
    return Variant(name, "version", start, share, "2020-09-23T02:15:00+00:00")


@pytest.fixture
def two_versions(client, publish_planted) -> tuple[str, str]:
    """The served version, planted as 2, and the one before it, planted as 1."""
    before = publish_planted(client, 1)
    return publish_planted(client, 2), before


def look_up(*customer_ids: str) -> list:
    """Their lists, in one batch, from a store that has just looked."""

    async def looked_up():
        client = connect_async(redis_url(), 1.0)
        store = RecommendationStore(client, "demo")
        await store.refresh()
        found = await store.lookup_many(customer_ids)
        await store.close()
        await client.aclose()
        return found

    return asyncio.run(looked_up())


def test_a_share_of_the_customers_is_in_a_variant_and_always_the_same_ones():
    ids = [f"customer {number}" for number in range(20_000)]
    places = [customer_place(each) for each in ids]
    assert sum(place < 0.1 for place in places) / len(places) == pytest.approx(0.1, abs=0.01)
    assert places == [customer_place(each) for each in ids]
    assert customer_place("customer-0") == pytest.approx(KNOWN_PLACE)


@given(st.text(max_size=40))
def test_everybody_has_a_place(customer_id):
    assert 0 <= customer_place(customer_id) < 1


def test_a_variant_keeps_its_customers_when_others_begin_and_end():
    first, second = planted("first", 0.0, 0.2), planted("second", 0.2, 0.3)
    of_second = [each for each in CUSTOMERS if variant_of([first, second], each) == second]
    assert 15 <= len(of_second) <= 45
    assert [each for each in CUSTOMERS if variant_of([second], each) == second] == of_second
    third = planted("third", free_start([second], 0.1), 0.1)
    assert [each for each in CUSTOMERS if variant_of([second, third], each) == second] == of_second
    assert {variant_of([second, third], each) for each in CUSTOMERS} == {None, second, third}


@pytest.mark.parametrize(
    ("taken", "share", "start"),
    [([], 1.0, 0.0), ([(0.0, 0.2)], 0.5, 0.2), ([(0.2, 0.2)], 0.2, 0.0), ([(0.2, 0.2)], 0.3, 0.4)],
)
def test_a_new_variant_takes_the_first_free_places(taken, share, start):
    assert free_start([planted("other", *each) for each in taken], share) == pytest.approx(start)


@pytest.mark.parametrize(("taken", "share"), [([], 0.0), ([], 1.1), ([(0.0, 0.6)], 0.5), ([(0.3, 0.4)], 0.35)])
def test_a_share_that_is_out_of_range_or_not_free_is_refused(taken, share):
    with pytest.raises(ValueError, match="share|free"):
        free_start([planted("other", *each) for each in taken], share)


def test_the_codec_goes_there_and_back_and_names_damage():
    variants = planted("a", 0.0, 0.25), planted("b", 0.25, 0.75)
    assert decode_variants(encode_variants(variants)) == variants
    assert decode_variants(None) == ()
    for damage in (b"{", b"[1]", encode_variants([planted("a", 0.5, 0.75)]), encode_variants([planted("a", 0.5, 0)])):
        with pytest.raises(CacheFormatError, match="end them and start again"):
            decode_variants(damage)


def test_its_customers_are_served_its_version_and_nobody_else(client, two_versions, planted_articles):
    current, before = two_versions
    VariantBook(client, "demo").start("old", before, 0.3)
    found = look_up(*CUSTOMERS, "stranger 4", "stranger 17")
    in_variant = {each.customer_id for each in found if each.variant == "old"}
    (variant,) = VariantBook(client, "demo").read()
    assert in_variant == {each.customer_id for each in found if variant_of([variant], each.customer_id)}
    assert 15 <= len(in_variant) <= 45
    for row, each in enumerate(found[:100]):
        version, planted_version = (before, 1) if each.customer_id in in_variant else (current, 2)
        assert each.version == version
        assert [item.article_id for item in each.items] == planted_articles(planted_version, row)


def test_publishing_keeps_the_versions_of_variants_until_they_end(client, two_versions, publish_planted):
    _, oldest = two_versions
    VariantBook(client, "demo").start("old", oldest, 0.3)
    for version in (3, 4, 5):
        publish_planted(client, version)
    assert {each.variant for each in look_up(*CUSTOMERS)} == {None, "old"}
    VariantBook(client, "demo").end("old")
    publish_planted(client, 6)
    assert oldest not in {each.version for each in versions(client, "demo")}
    assert not list(client.scan_iter(f"*{oldest}*"))
    assert {each.variant for each in look_up(*CUSTOMERS)} == {None}


def test_a_variant_whose_version_is_lost_serves_what_everybody_is_served(client, two_versions):
    current, before = two_versions
    VariantBook(client, "demo").start("old", before, 1.0)
    assert {each.version for each in look_up(*CUSTOMERS)} == {before}
    client.delete(KEYS.manifest(before))
    found = look_up(*CUSTOMERS)
    assert {(each.version, each.variant, each.fallback_reason) for each in found[:99]} == {(current, None, None)}


def test_a_version_that_vanishes_between_two_looks_costs_nobody_a_list(client, two_versions):
    current, before = two_versions
    VariantBook(client, "demo").start("old", before, 1.0)

    async def looked_up():
        connected = connect_async(redis_url(), 1.0)
        store = RecommendationStore(connected, "demo")
        await store.refresh()
        client.delete(*client.keys(f"recommendations:demo:{before}:*"))
        found = await store.lookup("customer-7")
        await store.close()
        await connected.aclose()
        return found

    found = asyncio.run(looked_up())
    assert (found.version, found.variant, found.fallback_reason) == (current, None, None)


def test_damaged_variants_are_as_good_as_none(client, two_versions, publish_planted):
    client.set(KEYS.variants, b"{")
    assert {each.variant for each in look_up(*CUSTOMERS)} == {None}
    publish_planted(client, 3)


def test_the_api_names_the_variant_everywhere(redis_server, client, two_versions, start_api):
    _, before = two_versions
    VariantBook(client, "demo").start("old", before, 1.0)
    with start_api(redis_server.directory) as http:
        answer = http.get("/recommendations/customer-7").json()
        assert (answer["version"], answer["variant"]) == (before, "old")
        batch = http.post("/recommendations", json={"customer_ids": CUSTOMERS}).json()["recommendations"]
        assert {each["variant"] for each in batch} == {"old"}
        explained = http.get("/explain/customer-7").json()
        assert (explained["version"], explained["variant"]) == (before, "old")
        assert re.search(r'recommendations_lists_total\{[^}]*variant="old"\} 100.0', http.get("/metrics").text)


@pytest.mark.parametrize(
    ("name", "version", "share", "complaint"),
    [
        ("new", "20200101T000000Z-00000000", 0.1, "no published version"),
        ("old", None, 0.1, "name of another variant"),
        ("", None, 0.1, "is empty"),
        ("new", None, 0.8, "0.8 of the customers"),
    ],
)
def test_what_cannot_be_started_changes_nothing(client, two_versions, name, version, share, complaint):
    VariantBook(client, "demo").start("old", two_versions[1], 0.3)
    before = client.get(KEYS.variants)
    with pytest.raises(ValueError, match=complaint):
        VariantBook(client, "demo").start(name, version or two_versions[1], share)
    assert client.get(KEYS.variants) == before
    with pytest.raises(VariantError, match="there are: old"):
        VariantBook(client, "demo").end("new")


def test_a_rollback_ends_the_variants_of_the_version_that_it_withdraws(client, publish_planted, capsys):
    before, current = publish_planted(client, 1), publish_planted(client, 2)
    VariantBook(client, "demo").start("bolder", current, 0.5)
    VariantBook(client, "demo").start("older", before, 0.1)
    assert published_versions.main(["rollback"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == [
        f"variant bolder (50% of the customers) served {current}: it is ended",
        f"demo now serves {before}",
    ]
    assert [line.split()[:2] for line in printed[2:]] == [[before, "current"], [current, "unused"]]
    assert [each.name for each in VariantBook(client, "demo").read()] == ["older"]


def test_a_rollback_with_damaged_variants_leaves_them(client, publish_planted):
    before, _ = publish_planted(client, 1), publish_planted(client, 2)
    client.set(CacheKeys("demo").variants, b"garbage")
    assert published_versions.rollback(client, "demo") == before
    assert client.get(CacheKeys("demo").variants) == b"garbage"


def test_the_version_of_a_variant_is_listed_as_such(client, publish_planted, capsys):
    first = publish_planted(client, 1)
    VariantBook(client, "demo").start("first", first, 0.1)
    second, third = publish_planted(client, 2), publish_planted(client, 3)
    assert published_versions.main(["versions"]) == 0
    states = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    assert states == [[third, "current"], [second, "previous"], [first, "variant"]]


def listed_versions(dataset: str) -> int:
    return published_versions.main(["versions", "--dataset", dataset])


def listed_variants(dataset: str) -> int:
    return variants.main(["--dataset", dataset, "show"])


@pytest.mark.parametrize(("listed", "code"), [(listed_versions, 1), (listed_variants, 3)])
def test_a_dataset_without_lists_is_one_line_that_names_those_with(client, publish_planted, capsys, listed, code):
    assert listed("demo") == code
    assert capsys.readouterr().err == (
        "no lists are published for demo; `make run DATASET=demo` does it (no dataset has lists yet).\n"
    )
    publish_planted(client, 1)
    assert listed("nonsense") == code
    assert capsys.readouterr().err.endswith("(there are lists of: demo).\n")
