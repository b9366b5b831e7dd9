"""What LightGBM's ranker promises beyond every ranker: threads, early stopping, explanations, its files."""

import json
import subprocess
import sys
from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from planted_ranking_rows import FEW_ROWS, NAMES, planted_rows, say_nothing, shuffled

from recommender.models.ranking import binned_rows, feature_rows
from recommender.models.ranking.binned_rows import FeatureSequence, bin_rows
from recommender.models.ranking.lambdarank import fit_lambdarank, load_lambdaranker
from recommender.models.ranking.ranker_files import DESCRIPTION
from recommender.models.ranking.rankers import score_rows
from recommender.models.ranking.ranking_rows import RankingRows, map_within_candidates
from recommender.settings.rankers import LambdaRankSettings

SETTINGS = LambdaRankSettings(**FEW_ROWS["lambdarank"])


@pytest.fixture(scope="module")
def ranker():
    return fit_lambdarank(planted_rows(), None, SETTINGS, seed=1)


def test_the_number_of_threads_does_not_change_the_scores():
    rows = planted_rows(groups=400)
    one, two = (
        fit_lambdarank(rows, None, replace(SETTINGS, threads=threads), seed=1).score(rows.features)
        for threads in (1, 2)
    )
    np.testing.assert_array_equal(one, two)


def test_no_more_than_a_block_of_features_is_read_at_once(monkeypatch):
    """Neither to fit, to judge nor to score: weeks of a large shop are larger than memory."""
    monkeypatch.setattr(feature_rows, "ROWS_PER_BLOCK", 256)
    monkeypatch.setattr(FeatureSequence, "batch_size", 256)
    longest = []

    class Watched:
        def __init__(self, features: np.ndarray):
            self.features, self.shape = features, features.shape

        def __getitem__(self, rows: slice) -> np.ndarray:
            longest.append(len(self.features[rows]))
            return self.features[rows]

    weeks = [planted_rows(seed=seed) for seed in (1, 2, 3)]
    weeks[0].is_bought[:1000] = False
    watched = [replace(week, features=Watched(week.features)) for week in weeks]
    found, expected = (
        fit_lambdarank(RankingRows.concatenate(each[:2]), each[2], SETTINGS, 1, say_nothing)
        for each in (watched, weeks)
    )
    np.testing.assert_array_equal(score_rows(found, watched[2]), expected.score(weeks[2].features))
    assert max(longest) == 256


def test_a_sample_of_what_was_not_bought_teaches_and_the_whole_week_judges(monkeypatch):
    """Judged by a sample, trees would stop by an easier task than the one they are for."""
    binned = []

    def bin_and_note(rows: RankingRows, *arguments) -> lightgbm.Dataset:
        binned.append(len(rows))
        return bin_rows(rows, *arguments)

    monkeypatch.setattr(binned_rows, "bin_rows", bin_and_note)
    rows, later = planted_rows(groups=400), planted_rows(groups=100, seed=9)
    fitted = fit_lambdarank(rows, later, replace(SETTINGS, not_bought=4_000), 1, say_nothing)
    assert 4_200 <= binned[0] <= 4_600
    assert binned[1] == len(later)
    assert map_within_candidates(fitted.score(later.features), later) > 0.9


def test_without_validation_all_trees_are_grown(ranker):
    assert ranker.best_iteration == SETTINGS.n_trees


def test_only_the_trees_up_to_the_best_are_kept():
    lines = []
    settings = replace(SETTINGS, n_trees=200, patience=200)
    stopped = fit_lambdarank(planted_rows(), shuffled(planted_rows(seed=9), seed=3), settings, 1, lines.append)
    assert 1 <= stopped.best_iteration == stopped.booster.num_trees() < 200
    assert [line.split()[1] for line in lines] == ["50", "100", "150", "200"]
    assert "validation NDCG@12 0." in lines[0]


def test_trees_that_cannot_split_score_everybody_alike():
    rows = planted_rows(groups=10)
    rows = replace(rows, features=rows.features[:, [NAMES.index("constant")]], feature_names=("constant",))
    flat = fit_lambdarank(rows, None, SETTINGS, seed=1)
    assert len(set(flat.score(rows.features).tolist())) == 1


def test_contributions_sum_to_the_score_and_name_the_reason(ranker):
    rows = planted_rows(groups=30, seed=9)
    contributions = ranker.contributions(rows.features)
    assert contributions.shape == (len(rows), len(NAMES) + 1)
    np.testing.assert_allclose(contributions.sum(axis=1), ranker.score(rows.features), atol=1e-5)
    assert NAMES[contributions[rows.is_bought, :-1].mean(axis=0).argmax()] == "decides"
    assert ranker.contributions(rows.features[:0]).shape == (0, len(NAMES) + 1)


def test_trees_grown_on_other_features_than_described_are_refused(ranker, tmp_path):
    ranker.save(tmp_path)
    description = json.loads((tmp_path / DESCRIPTION).read_text())
    description["feature_names"] = description["feature_names"][::-1]
    (tmp_path / DESCRIPTION).write_text(json.dumps(description))
    with pytest.raises(ValueError, match="was grown on noise, decides.*its description names heavy_tailed"):
        load_lambdaranker(tmp_path)


def test_a_folder_without_a_ranker_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_lambdaranker(tmp_path)


@pytest.mark.parametrize("first, second", [("torch", "lightgbm"), ("lightgbm", "torch")])
def test_lightgbm_and_torch_work_in_one_process_whichever_comes_first(first, second):
    """Both bring OpenMP; on some platforms the second one loaded has crashed or hung."""
    code = f"""
import {first}, {second}
import numpy as np
data = np.random.default_rng(0).normal(size=(1000, 4))
for _ in range(2):
    torch.set_num_threads(2)
    float((torch.ones(200, 200) @ torch.ones(200, 200)).sum())
    trees = lightgbm.train({{"num_threads": 2, "verbosity": -1}}, lightgbm.Dataset(data, label=data[:, 0]), 20)
    fit = np.corrcoef(trees.predict(data), data[:, 0])[0, 1]
print("learned" if fit > 0.9 else fit)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["learned"]
