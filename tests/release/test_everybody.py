"""Tonight's lists, and the second gate in front of them: a refit that collapsed must not pass."""

import numpy as np
import pytest
import torch

from recommender.config import DEFAULT_FILE, read_toml
from recommender.evaluation.promotion import decide
from recommender.evaluation.rec_test import run_tests
from recommender.features.warehouse import read_mart
from recommender.models.grid import refit_candidate
from recommender.models.model_files import load_model, save_model
from recommender.release.everybody import lists_for_everybody
from serving.cache_contract import Source, article_id_of

THRESHOLDS = read_toml(DEFAULT_FILE.read_text())["publication_gate"]
K, PUBLISHED_K = 12, 24


@pytest.fixture(scope="module")
def inputs_file(evaluated_folder, model_inputs):
    return evaluated_folder / "model_inputs.pt"


@pytest.fixture(scope="module")
def refitted_folder(trained_candidate, model_inputs, demo_windows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("refitted")
    refit_candidate(trained_candidate, model_inputs, demo_windows.refit_as_of_days, demo_windows.cutoff, folder)
    return folder


@pytest.fixture(scope="module")
def tonight(refitted_folder, trained_candidate, inputs_file, demo_marts_dir, demo_windows):
    return lists_for_everybody(
        demo_marts_dir,
        demo_windows.cutoff,
        refitted=(refitted_folder, inputs_file),
        evaluated=(trained_candidate.folder, inputs_file),
        k=PUBLISHED_K,
    )


def damaged(folder, damage, target):
    """Save a copy of a model with every weight changed."""
    model = load_model(folder)
    with torch.no_grad():
        for weight in model.parameters():
            damage(weight)
    save_model(model, target)
    return target


def test_a_healthy_refit_passes_the_gate(tonight):
    assert decide(run_tests(tonight.gate(K), THRESHOLDS)).is_passed


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda weight: weight.zero_(), {"overlap_between_customers", "score_spread"}),
        (lambda weight: weight.fill_(float("nan")), {"k_per_customer"}),  # nothing can be ranked
        (lambda weight: weight.copy_(torch.randn_like(weight) * 0.1), {"overlap_with_evaluated"}),
    ],
    ids=["collapsed to one list", "diverged to NaN", "random weights"],
)
def test_a_broken_refit_is_refused(
    damage, expected, trained_candidate, inputs_file, demo_marts_dir, demo_windows, tmp_path
):
    torch.manual_seed(0)
    broken = lists_for_everybody(
        demo_marts_dir,
        demo_windows.cutoff,
        refitted=(damaged(trained_candidate.folder, damage, tmp_path), inputs_file),
        evaluated=(trained_candidate.folder, inputs_file),
        k=PUBLISHED_K,
    )
    results = run_tests(broken.gate(K), THRESHOLDS)
    assert not decide(results).is_passed
    assert expected <= {result.name for result in results if result.passed is False}


def test_every_known_customer_is_published_with_the_source_of_the_list(tonight, demo_marts_dir, demo_windows):
    lists = tonight.published_lists()
    features = read_mart(demo_marts_dir, "customer_features", as_of_days=[demo_windows.cutoff]).to_pandas()
    has_bought = features.set_index("customer_id")["purchase_days"] > 0
    assert sorted(lists.customer_ids) == sorted(has_bought.index)
    expected = np.where(has_bought.loc[lists.customer_ids], Source.PERSONAL, Source.SEGMENT)
    assert (lists.sources == expected).all()


def test_published_numbers_are_the_articles_of_the_lists_and_have_names(tonight, demo_marts_dir):
    lists = tonight.published_lists()
    row = 5
    expected = tonight.catalogue.article_ids[tonight.refitted.positions[row]]
    assert [article_id_of(number) for number in lists.article_numbers[row]] == expected.tolist()
    articles = read_mart(demo_marts_dir, "articles")
    names = dict(zip(articles["article_id"].to_pylist(), articles["product_name"].to_pylist(), strict=True))
    assert lists.article_names == {article: names[article] for article in lists.article_names}
    assert {article_id_of(number) for number in np.unique(lists.article_numbers)} <= lists.article_names.keys()


def test_tonights_customers_of_a_segment_get_one_list(tonight):
    cold = np.flatnonzero(~tonight.refitted.is_personal)
    assert len(cold), "the generated shop must have customers who never bought"
    assert (tonight.refitted.positions[cold] >= 0).all()
