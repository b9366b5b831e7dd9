"""Features that LightGBM reads block by block make the trees of the joined features."""

from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from planted_ranking_rows import GROUP_SIZE, planted_rows

from recommender.models.ranking.binned_rows import FeatureSequence, bin_rows
from recommender.models.ranking.feature_rows import StoredRows
from recommender.models.ranking.ranking_rows import RankingRows

PARAMETERS = {
    "objective": "lambdarank",
    "max_bin": 15,
    "min_data_in_leaf": 10,
    "bin_construct_sample_cnt": 500,
    "seed": 7,
    "force_row_wise": True,
    "deterministic": True,
    "verbosity": -1,
}


def grown(learned: lightgbm.Dataset, judged: lightgbm.Dataset) -> tuple[str, list[float]]:
    """Grow trees; return them as text, and how they did on the other rows."""
    scores = {}
    callbacks = [lightgbm.record_evaluation(scores)]
    trees = lightgbm.train(PARAMETERS, learned, 30, valid_sets=[judged], valid_names=["judged"], callbacks=callbacks)
    return trees.model_to_string(), scores["judged"]["ndcg@1"]


def of_one_matrix(rows: RankingRows, reference: lightgbm.Dataset | None = None) -> lightgbm.Dataset:
    """Bin rows that are held together."""
    features, label = rows.features[:], rows.is_bought.astype(np.float32)
    return lightgbm.Dataset(features, label, reference, group=rows.group_sizes, feature_name=list(rows.feature_names))


@pytest.mark.parametrize("batch_size", [7, 256, 16_384])
def test_weeks_in_files_make_the_trees_of_one_matrix(tmp_path, monkeypatch, batch_size):
    """Bins are laid by a sample, the same 500 of 8,000 rows both ways; half of the customers are left out."""
    monkeypatch.setattr(FeatureSequence, "batch_size", batch_size)
    weeks = [planted_rows(groups=200, seed=seed) for seed in range(4)]
    stored = [
        replace(week, features=StoredRows.write(tmp_path / f"{number}", [week.features], week.feature_names))
        for number, week in enumerate(weeks)
    ]
    is_bought = np.concatenate([week.is_bought for week in weeks])
    is_bought[: len(is_bought) // 2] = False
    whole, newest = (RankingRows.concatenate(each) for each in (weeks, weeks[:1]))
    whole = replace(whole, is_bought=is_bought).with_positives_only()
    in_files = replace(RankingRows.concatenate(stored), is_bought=is_bought).with_positives_only()
    assert len(in_files) == 400 * GROUP_SIZE
    learned = bin_rows(in_files, PARAMETERS)
    expected = of_one_matrix(whole)
    assert grown(learned, bin_rows(stored[0], PARAMETERS, learned)) == grown(expected, of_one_matrix(newest, expected))


def test_a_feature_that_few_rows_have_is_learned_from_as_from_one_matrix():
    """LightGBM's own least number of rows, 20, would drop it where rows come in blocks, and tell it in no error."""
    rows = planted_rows(groups=25)
    rows.features[:, 3] = 0
    rows.features[:15, 3] = 1
    parameters = {**PARAMETERS, "feature_fraction": 0.5}
    data_sets = bin_rows(rows, parameters), of_one_matrix(rows)
    found, expected = (lightgbm.train(parameters, each, 30).model_to_string() for each in data_sets)
    assert found == expected


def test_single_rows_are_those_of_the_slices():
    rows = planted_rows(groups=3).features
    sequence = FeatureSequence(rows)
    sequence.batch_size = 16
    assert len(sequence) == 60
    for row in (0, 3, 15, 16, 17, 40, 59):
        np.testing.assert_array_equal(sequence[row], rows[row])
    np.testing.assert_array_equal(sequence[10:30], rows[10:30])
