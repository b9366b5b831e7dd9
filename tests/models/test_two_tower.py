"""The Merlin two-tower on the small shop: what its vectors promise, and that a saved model is the same model."""

import numpy as np
import pytest
import torch
from small_shop import ON_SALE_DAYS, SMALL_TWO_TOWER

from recommender.columns import Columns
from recommender.config import Candidate
from recommender.features.encoding import QUERY_COLUMNS, candidate_rows, encode_candidates, encode_queries
from recommender.features.feature_workflow import FeatureWorkflows
from recommender.models import article_encoder, grid
from recommender.models.article_encoder import RESERVED_CODES
from recommender.models.model_files import load_model
from recommender.models.retrieval import recommend
from recommender.models.two_tower import HistoryPooling


def test_it_learns_something(trained_candidate):
    assert trained_candidate.curve[-1].loss < trained_candidate.curve[0].loss
    assert trained_candidate.validation_map == max(epoch.validation_map for epoch in trained_candidate.curve)


def test_a_loaded_model_scores_raw_rows_as_the_trained_one_did(
    trained_candidate, model_inputs, evaluated_folder, demo_marts, demo_windows
):
    day, catalogue = demo_windows.test_as_of_day, model_inputs.catalogue
    workflows, model = FeatureWorkflows.load(evaluated_folder), load_model(trained_candidate.folder)
    articles, customers = candidate_rows(demo_marts, day), demo_marts.customer_blocks(day, QUERY_COLUMNS)
    candidates = encode_candidates(workflows.candidate, day, articles, catalogue, ON_SALE_DAYS)
    queries = encode_queries(workflows.query, day, customers)
    as_served = recommend(model, queries, candidates, 12)
    as_trained = recommend(model, model_inputs.queries[day], model_inputs.candidates[day], 12)
    np.testing.assert_array_equal(as_served.positions, as_trained.positions)
    np.testing.assert_array_equal(as_served.scores, as_trained.scores)


def test_the_saved_weights_are_those_of_the_best_epoch(trained_candidate, model_inputs, demo_windows):
    score = grid.validation_map(load_model(trained_candidate.folder), model_inputs, demo_windows.validation_as_of_day)
    assert score == pytest.approx(trained_candidate.validation_map, abs=1e-12)


def test_two_trainings_with_one_seed_are_the_same_model(trained_candidate, model_inputs, demo_windows, tmp_path):
    again = grid.train_candidate(
        trained_candidate.candidate,
        model_inputs,
        demo_windows.training_as_of_days,
        demo_windows.validation_as_of_day,
        tmp_path,
    )
    weights = (load_model(folder).state_dict() for folder in (trained_candidate.folder, again.folder))
    for one, other in zip(*(state.values() for state in weights), strict=True):
        assert torch.equal(one, other)


def test_a_customers_vector_does_not_depend_on_who_else_is_scored(trained_candidate, model_inputs, demo_windows):
    queries = model_inputs.queries[demo_windows.cutoff]
    model = load_model(trained_candidate.folder)
    with torch.inference_mode():
        together = model.encode_queries(queries.take(torch.arange(40)))
        alone = model.encode_queries(queries.take(torch.tensor([23])))
    torch.testing.assert_close(together[23], alone[0], rtol=1e-5, atol=1e-5)


def test_a_customer_without_history_has_a_finite_vector(trained_candidate, model_inputs, demo_windows):
    queries = model_inputs.queries[demo_windows.cutoff]
    cold = torch.from_numpy(np.flatnonzero(~queries.has_history()))
    assert len(cold), "the generated shop must have customers who never bought"
    with torch.inference_mode():
        assert load_model(trained_candidate.folder).encode_queries(queries.take(cold)).isfinite().all()


def test_an_article_never_trained_on_is_exactly_its_attributes(model_inputs, demo_windows):
    model = grid.build_model(Candidate("new", 1, SMALL_TWO_TOWER), model_inputs, demo_windows.validation_as_of_day)
    codes = model_inputs.candidates[demo_windows.test_as_of_day].codes[:1]
    renamed = codes.clone()
    renamed[:, 0] = codes[:, 0] + 1
    encoder = model.article_encoder.eval()
    with torch.inference_mode():
        assert torch.equal(encoder(codes), encoder(renamed))


@pytest.mark.parametrize("whole_table", [0, 1_000_000], ids=["article by article", "value by value"])
def test_an_encoded_article_is_its_own_embedding_and_the_projection_of_all_its_attributes(
    trained_candidate, model_inputs, demo_windows, monkeypatch, whole_table
):
    monkeypatch.setattr(article_encoder, "WHOLE_TABLE", whole_table)
    encoder = load_model(trained_candidate.folder).article_encoder
    own, *attributes = model_inputs.candidates[demo_windows.cutoff].codes.unbind(1)
    named = dict(zip(Columns.ARTICLE_ATTRIBUTES, attributes, strict=True))
    with torch.inference_mode():
        expected = encoder.own(own) + encoder.projection(encoder.attributes(named))
        torch.testing.assert_close(encoder(torch.stack([own, *attributes], 1)), expected, rtol=1e-5, atol=1e-5)


def test_both_sides_at_once_are_what_each_is_alone(trained_candidate, model_inputs, demo_windows):
    day = demo_windows.cutoff  # with articles that the encoders had not seen
    candidates, queries = model_inputs.candidates[day].on_sale(), model_inputs.queries[day]
    assert (candidates.codes[:, 0] < RESERVED_CODES).any()
    assert (queries.history_codes < RESERVED_CODES).any()
    assert not np.isin(queries.history_codes, candidates.codes[:, 0]).all(), "some histories hold withdrawn articles"
    model = load_model(trained_candidate.folder)
    with torch.inference_mode():
        customers, articles = model(queries, candidates)
        torch.testing.assert_close(customers, model.encode_queries(queries), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(articles, model.encode_candidates(candidates), rtol=1e-5, atol=1e-5)


def test_pooling_trusts_twenty_purchases_more_than_one_and_none_not_at_all():
    torch.manual_seed(0)
    pooling, article = HistoryPooling(), torch.ones(1, 4)
    histories = torch.tensor([0, 0, 1, 21])  # nothing, one purchase, twenty of the same article
    numbers = torch.zeros(21, len(Columns.HISTORY_NUMBERS))
    for head in pooling(article, torch.zeros(21, dtype=torch.int64), numbers, histories):
        none, one, twenty = head.detach()
        assert none.tolist() == [0, 0, 0, 0]
        assert (one > 0).all()
        assert (twenty > one).all()
        assert (twenty < 1).all()
        weight = one / (1 - one)  # of a purchase beside the prior
        torch.testing.assert_close(twenty, 20 * weight / (1 + 20 * weight))
