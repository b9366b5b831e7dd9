"""Exact top-k over what is on sale."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import torch
from planted_snapshots import BagOfArticles, candidates, queries

from recommender.models.retrieval import recommend, top_k


def test_top_k_is_the_sorted_inner_product():
    generator = torch.Generator().manual_seed(0)
    customers, articles = torch.randn(7, 5, generator=generator), torch.randn(40, 5, generator=generator)
    scores, rows = top_k(customers, articles, 6)
    expected = (customers @ articles.T).sort(dim=1, descending=True)
    assert (rows == expected.indices[:, :6].numpy()).all()
    assert scores == pytest.approx(expected.values[:, :6].numpy(), abs=1e-5)


def test_only_articles_on_sale_are_recommended():
    articles = candidates(6, is_on_sale=torch.tensor([False, True, False, True, True, False]))
    lists = recommend(BagOfArticles(6), queries([[0], [5]]), articles, k=3)
    assert set(lists.positions.ravel().tolist()) == {1, 3, 4}


def test_a_short_catalogue_leaves_the_end_of_the_list_empty():
    lists = recommend(BagOfArticles(2), queries([[0]]), candidates(2), k=4)
    assert sorted(lists.positions[0, :2].tolist()) == [0, 1]
    assert lists.positions[0, 2:].tolist() == [-1, -1]
    assert np.isnan(lists.scores[0, 2:]).all() and np.isfinite(lists.scores[0, :2]).all()


def test_nobody_to_recommend_to_gives_no_lists():
    lists = recommend(BagOfArticles(2), queries([]), candidates(2), k=3)
    assert lists.positions.shape == (0, 3)


def test_queries_and_candidates_of_different_days_are_refused():
    articles = candidates(2)
    later = replace(articles, as_of_day=articles.as_of_day + timedelta(days=7))
    with pytest.raises(ValueError, match="as of 2020-01-06, candidates as of 2020-01-13"):
        recommend(BagOfArticles(2), queries([[0]]), later, k=1)


def test_an_empty_shop_is_refused():
    nothing = candidates(2, is_on_sale=torch.tensor([False, False]))
    with pytest.raises(ValueError, match="no article is on sale"):
        recommend(BagOfArticles(2), queries([[0]]), nothing, k=1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_and_cpu_find_the_same_articles():
    generator = torch.Generator().manual_seed(0)
    customers, articles = torch.randn(50, 16, generator=generator), torch.randn(900, 16, generator=generator)
    assert (top_k(customers.cuda(), articles.cuda(), 12)[1] == top_k(customers, articles, 12)[1]).all()
