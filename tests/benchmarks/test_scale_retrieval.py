"""The benchmark of exact search: what it times is right, and what it writes can be read."""

import json

import numpy as np

from benchmarks.scale import retrieval


def test_what_is_timed_finds_the_best_articles_of_every_customer():
    customers, articles = retrieval.vectors(50, 300, dim=8)
    best = np.argsort(-(customers @ articles.T).numpy(), axis=1, kind="stable")[:, :7]
    np.testing.assert_array_equal(retrieval.best_in_chunks(customers, articles, k=7), np.sort(best, axis=1))


def test_the_result_holds_both_rates_and_how_far_they_agree(tmp_path, monkeypatch):
    monkeypatch.setattr(retrieval, "RESULTS_DIR", tmp_path)
    retrieval.main("--customers 200 --articles 500 --dim 8 --k 5 --threads 1 --rounds 1".split())
    result = json.loads((tmp_path / "retrieval.json").read_text())
    assert result["same_articles"] == 1.0
    assert result["chunks_customers_per_second"] > 0
    assert result["faiss_customers_per_second"] > 0
