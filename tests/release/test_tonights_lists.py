"""Tonight's lists, and the second gate in front of them: models that collapsed must not reach a shopper."""

import shutil
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import torch
from planted_snapshots import truth_of
from small_shop import SMALL_STAGES, SMALL_TWO_TOWER

from recommender.config import DEFAULT_FILE, Candidate, Settings, read_file
from recommender.errors import ModelDiverged
from recommender.evaluation.behavioral_check import run_tests
from recommender.evaluation.promotion import decide
from recommender.features.encoding import INPUTS
from recommender.features.model_inputs import ModelInputs, save_day
from recommender.models.baseline_shop import BaselineShop
from recommender.models.baselines import repurchase
from recommender.models.collaborative_baselines import every_baseline
from recommender.models.grid import validation_map
from recommender.models.model_files import load_model, save_model
from recommender.models.ranked_lists import RankedLists
from recommender.release import tonights_lists
from recommender.release.tonights_lists import ListRequest, Recommender, lists_for_everybody
from recommender.stages.candidate_sets import candidate_sets
from recommender.stages.four_stages import recommend
from recommender.stages.retrieve import GENERATORS
from recommender.weeks import compared_customers as compared_customers_module
from recommender.weeks.compared_customers import compared_customers
from recommender.weeks.weekly_models import FittedModels, WeeklyModel
from serving.cache.article_numbers import article_id_of
from serving.cache.list_buckets import Proposer, Source

THRESHOLDS = Settings.of(read_file(DEFAULT_FILE), "demo").publication_gate
K, PUBLISHED_K = 12, 24
STAGES, SMALL_CANDIDATE = Recommender(), Candidate("small", 7, SMALL_TWO_TOWER)


def request_of(day: date, recommender: Recommender = STAGES) -> ListRequest:
    """What is asked for in all tests here."""
    return ListRequest(day, SMALL_CANDIDATE, SMALL_STAGES, PUBLISHED_K, recommender, purchases=4)


@pytest.fixture(scope="module")
def evaluated(weekly_two_towers, ranker_folder, demo_windows):
    """The models that were judged in the test week."""
    return FittedModels(weekly_two_towers[demo_windows.test_as_of_day], ranker_folder)


@pytest.fixture(scope="module")
def refitted(weekly_two_towers, ranker_folder, demo_windows):
    """Tonight's models: a two-tower of all purchases, and the same ranker."""
    return FittedModels(weekly_two_towers[demo_windows.cutoff], ranker_folder)


@pytest.fixture(scope="module")
def make_lists(evaluated, demo_windows):
    """Makes the lists of some models, which are compared with the evaluated ones."""

    def make(models: FittedModels, report=lambda line: None, recommender=STAGES) -> tonights_lists.Tonight:
        return lists_for_everybody(request_of(demo_windows.cutoff, recommender), models, evaluated, report)

    return make


@pytest.fixture(scope="module")
def tonight(make_lists, refitted):
    return make_lists(refitted)


def damaged(weekly: WeeklyModel, damage, folder) -> WeeklyModel:
    """Copy a weekly model with every weight of its two-tower changed."""
    copy = replace(weekly, folder=shutil.copytree(weekly.folder, folder))
    model = load_model(copy.folder)
    with torch.no_grad():
        for weight in model.parameters():
            damage(weight)
    save_model(model, copy.folder)
    return copy


def failed(lists: tonights_lists.Tonight) -> set[str]:
    results = run_tests(lists.gate(K), THRESHOLDS)
    assert decide(results).is_passed == all(result.passed is not False for result in results)
    return {result.name for result in results if result.passed is False}


def test_healthy_models_pass_the_gate(tonight):
    assert failed(tonight) == set()


@pytest.mark.parametrize(
    "damage",
    [lambda weight: weight.zero_(), lambda weight: weight.normal_()],
    ids=["all weights zero", "random weights"],
)
def test_a_broken_two_tower_is_found_out_though_the_ranker_covers_up_for_it(damage, make_lists, refitted, tmp_path):
    """The small shop has too few buyers in a week to be refused for that, but what is measured tells."""
    torch.manual_seed(0)
    two_tower = damaged(refitted.two_tower, damage, tmp_path / "damaged")
    learned = make_lists(replace(refitted, two_tower=two_tower)).gate(K).two_tower_learned()
    assert 2 < learned.data["customers"] < 50
    assert learned.value < THRESHOLDS["two_tower_learned"]["minimum"]


def test_a_two_tower_that_diverged_makes_no_lists(make_lists, refitted, tmp_path):
    two_tower = damaged(refitted.two_tower, lambda weight: weight.fill_(float("nan")), tmp_path / "diverged")
    with pytest.raises(ModelDiverged, match="it diverged; lower its learning_rate"):
        make_lists(replace(refitted, two_tower=two_tower))


class SameForAll:
    """A ranker that learned nothing."""

    def score(self, features):
        """Return (n_pairs,) float32 zeros."""
        return np.zeros(len(features), np.float32)


def test_a_ranker_that_learned_nothing_is_refused(tonight, refitted):
    lists = recommend(tonight.fitted, SameForAll(), SMALL_STAGES.order, PUBLISHED_K)
    assert "score_spread" in failed(replace(tonight, published=lists))


def test_every_known_customer_is_published_with_the_source_of_the_list(tonight, demo_marts, demo_windows):
    lists = tonight.published_lists()
    features = demo_marts.table("customer_features", as_of_days=[demo_windows.cutoff]).to_pandas()
    has_bought = features.set_index(demo_marts.customer_ids()[features["customer_code"]])["purchase_days"] > 0
    assert sorted(lists.customer_ids) == sorted(has_bought.index) == sorted(tonight.known_customer_ids)
    expected = np.where(has_bought.loc[lists.customer_ids], Source.PERSONAL, Source.SEGMENT)
    assert (lists.lists.sources == expected).all()


def test_published_numbers_are_the_articles_of_the_lists_and_have_facts(tonight, demo_marts):
    lists = tonight.published_lists()
    row = 5
    expected = tonight.catalogue.article_ids[tonight.published.positions[row]]
    assert [article_id_of(number) for number in lists.lists.numbers[row]] == expected.tolist()
    articles = demo_marts.table("articles")
    names = ("product_name", "product_code", "department", "product_type", "colour_group", "description")
    facts = {row["article_id"]: tuple(row[name] for name in names) for row in articles.to_pylist()}
    assert lists.articles == {article: facts[article] for article in lists.articles}
    assert sum(len(each.description) > 20 for each in lists.articles.values()) > len(lists.articles) / 2
    for arrays in (lists.lists, lists.similar.lists, lists.segments.lists, lists.purchases):
        assert {article_id_of(number) for number in np.unique(arrays.numbers) if number} <= lists.articles.keys()


def test_every_article_ever_sold_has_similar_ones_on_sale_of_other_products(tonight):
    lists, similar = tonight.published_lists(), tonight.similar
    assert set(similar.names) == set(tonight.catalogue.article_ids) == lists.articles.keys()
    on_sale = set(tonight.catalogue.article_ids[tonight.fitted.day.candidates])
    for article_id, numbers in zip(similar.names, similar.lists.numbers, strict=True):
        neighbours = [article_id_of(number) for number in numbers]
        assert len(set(neighbours)) == 12
        assert on_sale.issuperset(neighbours)
        assert lists.articles[article_id].product_code not in {lists.articles[each].product_code for each in neighbours}


def test_every_segment_has_a_list_of_its_own(tonight):
    assert {"25-29/online", "25-29/store", "25-29/any channel"} <= set(tonight.segments.names)
    assert (tonight.segments.lists.numbers != 0).all()
    assert len(np.unique(tonight.segments.lists.numbers, axis=0)) > len(tonight.segments.names) / 2


def test_the_articles_of_the_lists_tell_to_how_many_they_are_shown(tonight):
    shown = tonight.published_lists().shown
    assert shown.customers.sum() == (tonight.published.positions >= 0).sum()
    row = np.flatnonzero(shown.customers >= 5)[0]
    position = tonight.catalogue.article_ids.tolist().index(shown.article_ids[row])
    has_it = (tonight.published.positions == position).any(axis=1)
    assert has_it.sum() == shown.customers[row]
    assert set(shown.examples[row]) <= set(tonight.fitted.day.customer_ids[has_it])
    assert len(set(shown.examples[row])) == 3


def test_published_proposers_are_those_of_the_candidates(tonight):
    """Made again, generator by generator: what it proposes for a customer carries its bit, and nothing else does."""
    fitted, published = tonight.fitted, tonight.published.positions
    rows = np.arange(0, len(fitted.day), 7)
    (chunk,) = candidate_sets(fitted.day, fitted.generators, fitted.sizes, rows)
    seen = 0
    for name, is_proposed in chunk.proposed_by.items():
        pairs = set(zip(chunk.owners[is_proposed], fitted.day.candidates[chunk.columns[is_proposed]], strict=True))
        bit = Proposer[name.upper()]
        for place, row in enumerate(rows):
            has_bit = (tonight.proposers[row] & bit) > 0
            assert has_bit.tolist() == [(place, article) in pairs for article in published[row]], name
            seen += has_bit.sum()
    assert seen > len(rows) * PUBLISHED_K  # every article was proposed by one at least, many by several
    assert (tonight.published_lists().lists.proposers & ~Proposer.OWN == tonight.proposers & ~Proposer.OWN).all()


@pytest.mark.parametrize("made", ["tonight", "by_baseline", "with_few_own"])
def test_exactly_what_a_customer_bought_before_is_marked_whoever_proposed_it(made, request, demo_marts):
    """Else a shop that asks for lists without purchases is given some."""
    lists, made = request.getfixturevalue(made).published_lists(), request.getfixturevalue(made)
    bought = demo_marts.table("purchases", ["customer_code", "article_id"])
    bought = set(zip(*(bought[name].to_pylist() for name in bought.column_names), strict=True))
    article_ids = made.catalogue.article_ids[made.published.positions]
    expected = [
        [(customer, article) in bought for article in listed]
        for customer, listed in zip(made.fitted.day.customer_rows, article_ids, strict=True)
    ]
    assert np.sum(expected) > 100
    np.testing.assert_array_equal(lists.lists.proposers & Proposer.OWN > 0, expected)


def test_every_generator_has_a_bit_in_the_cache():
    assert {proposer.name.lower() for proposer in Proposer} == set(GENERATORS)


def test_everybody_has_a_full_list_of_articles_that_passed_the_filters(tonight):
    lists = tonight.published.positions
    assert lists.shape == (len(tonight.known_customer_ids), PUBLISHED_K)
    assert np.isin(lists, tonight.fitted.day.candidates).all()
    assert (np.diff(np.sort(lists, axis=1), axis=1) > 0).all()  # no article twice


def test_customers_who_never_bought_get_a_full_list(tonight):
    cold = np.flatnonzero(~tonight.fitted.day.has_history())
    assert len(cold), "the generated shop must have customers who never bought"
    assert (tonight.published.positions[cold] >= 0).all()


def test_strangers_get_what_most_customers_bought_last_week(tonight):
    buyers = dict(zip(tonight.fitted.day.candidates, tonight.fitted.day.article_numbers["buyers_1w"], strict=True))
    listed = [buyers[position] for position in tonight.popular.positions[0]]
    assert listed == sorted(buyers.values(), reverse=True)[:PUBLISHED_K]


def test_two_nights_of_the_same_models_publish_the_same_lists(tonight, make_lists, refitted):
    again = make_lists(refitted)
    np.testing.assert_array_equal(again.published.positions, tonight.published.positions)
    np.testing.assert_array_equal(again.published.scores, tonight.published.scores)
    np.testing.assert_array_equal(again.evaluated.positions, tonight.evaluated.positions)
    np.testing.assert_array_equal(again.two_tower_precision, tonight.two_tower_precision)


def test_both_two_towers_are_judged_by_all_who_bought_in_the_test_week(tonight, evaluated, demo_windows):
    """Whichever model's inputs hold them, they are the same customers in the same order."""
    inputs, day = evaluated.two_tower.inputs(), demo_windows.test_as_of_day
    is_judged = inputs.queries[day].has_history() & (inputs.truths[day].sizes() > 0)
    judged = tonight.two_tower_precision, tonight.evaluated_two_tower_precision, tonight.first_step_precision
    assert {len(each) for each in judged} == {is_judged.sum()}
    own = validation_map(load_model(evaluated.two_tower.folder), inputs, day)
    assert tonight.evaluated_two_tower_precision.mean() == pytest.approx(own)
    assert tonight.two_tower_precision.mean() > own  # it has seen the week


def test_some_customers_are_compared_and_their_rows_stay_theirs(
    tonight, evaluated, refitted, demo_windows, monkeypatch, tmp_path
):
    """Those whom the evaluated model's inputs hold on the day."""
    monkeypatch.setattr(compared_customers_module, "COMPARED_CUSTOMERS", 50)
    day, rows = demo_windows.cutoff, compared_customers(len(tonight.published.positions))
    folder = shutil.copytree(evaluated.two_tower.folder, tmp_path / "few")
    inputs = ModelInputs.load(folder / INPUTS)
    save_day(
        folder / INPUTS, inputs.candidates[day], inputs.queries[day].take(torch.from_numpy(rows)), truth_of([[]] * 50)
    )
    with_few = replace(evaluated, two_tower=replace(evaluated.two_tower, folder=folder))
    few = lists_for_everybody(request_of(day), refitted, with_few, lambda line: None)
    is_compared = few.evaluated.positions[:, 0] >= 0
    assert np.flatnonzero(is_compared).tolist() == rows.tolist()
    assert (len(rows), rows[0], rows[-1]) == (50, 0, len(is_compared) - 1)  # spread over all
    np.testing.assert_array_equal(few.evaluated.positions[is_compared], tonight.evaluated.positions[is_compared])
    assert (few.evaluated.positions[~is_compared] == -1).all()
    assert np.isnan(few.evaluated.scores[~is_compared]).all()
    np.testing.assert_array_equal(few.published.positions, tonight.published.positions)


def test_progress_names_how_far_it_got(make_lists, refitted):
    lines = []
    lists = make_lists(refitted, lines.append)
    everyone = f"{len(lists.published.positions):,}"
    assert lines[-1].startswith(f"lists for {everyone} of {everyone} customers, ")


@pytest.fixture(scope="module")
def with_few_own(tonight):
    """Lists of which the generator of own articles proposed none."""
    return replace(tonight, proposers=tonight.proposers & ~np.uint8(Proposer.OWN))


@pytest.fixture(scope="module")
def by_baseline(make_lists, refitted):
    return make_lists(refitted, recommender=Recommender("repurchase"))


def test_a_baseline_makes_the_lists_from_all_purchases(by_baseline, demo_marts, demo_windows):
    day, ids = by_baseline.fitted.day, by_baseline.catalogue.article_ids
    shop = BaselineShop.read(demo_marts, demo_windows.cutoff, ids)
    expected = repurchase(shop, day.customer_ids, day.candidates, PUBLISHED_K)
    np.testing.assert_array_equal(by_baseline.published.positions, expected.positions)


def test_a_baseline_is_held_against_itself_of_a_week_ago_and_not_against_two_towers(by_baseline, make_lists, refitted):
    results = {result.name: result for result in run_tests(by_baseline.gate(K), THRESHOLDS)}
    assert decide(list(results.values())).is_passed
    assert results["two_tower_learned"].passed is None
    assert 0.3 < results["overlap_with_evaluated"].value < 1  # what was bought in the test week is new to it
    dealt = np.tile(by_baseline.fitted.day.candidates, (len(by_baseline.published.positions), 1))
    dealt = np.random.default_rng(0).permuted(dealt, axis=1)[:, :PUBLISHED_K]
    at_random = replace(by_baseline, published=by_baseline.published._replace(positions=dealt))
    assert "overlap_with_evaluated" in failed(at_random)


@pytest.mark.parametrize("name", every_baseline(0))
def test_no_sound_baseline_is_refused(name, make_lists, refitted):
    made = make_lists(refitted, recommender=Recommender(name, seed=7))
    assert (made.two_tower_precision, made.evaluated_two_tower_precision, made.first_step_precision) == (None,) * 3
    assert failed(made) == set()


def test_lists_of_a_segment_are_not_held_against_those_of_a_week_ago(make_lists, refitted):
    """What a segment of a small shop bought last week says little of what it bought the week before."""
    by_segment = make_lists(refitted, recommender=Recommender("segment_popular"))
    results = {result.name: result for result in run_tests(by_segment.gate(K), THRESHOLDS)}
    assert {name for name, result in results.items() if result.passed is None} == set(THRESHOLDS)
    as_if_personal = run_tests(replace(by_segment, recommender=Recommender("ease")).gate(K), THRESHOLDS)
    assert "overlap_with_evaluated" in {result.name for result in as_if_personal if result.is_refused}


def test_lists_of_a_week_ago_are_refused_when_they_are_offered_again(tonight):
    is_compared = tonight.evaluated.positions[:, :1] >= 0
    old = [np.where(is_compared, *both) for both in zip(tonight.evaluated, tonight.published, strict=True)]
    assert failed(replace(tonight, published=RankedLists(*old))) == {"lists_are_new"}


def test_similar_articles_come_from_the_two_tower_when_a_baseline_makes_the_lists(by_baseline, tonight):
    np.testing.assert_array_equal(by_baseline.similar.lists.numbers, tonight.similar.lists.numbers)


def test_a_baseline_serves_customers_who_never_bought_the_popular_list(by_baseline):
    lists, is_known = by_baseline.published_lists().lists, by_baseline.fitted.day.has_history()
    assert not (lists.proposers & ~Proposer.OWN).any()
    assert not lists.proposers[~is_known].any()
    assert (lists.sources == np.where(is_known, Source.PERSONAL, Source.POPULAR)).all()
    cold = by_baseline.published.positions[~is_known]
    assert len(cold)
    assert (cold == by_baseline.popular.positions).all()
