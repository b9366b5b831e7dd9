"""One benchmark of the small shop for all tests of this folder: two test weeks, two seeds, every ablation."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

SMALL_SETTINGS = """
[features]
training_weeks = 4
history_length = 20
on_sale_days = 28
segment_columns = ["age_band", "channel"]

[datasets.demo]
[datasets.kaggle-hm]

[lists]
k = 12
published_k = 24
purchases = 5

[runs]
kept = 5
records = 10
archives = 150

[arrivals]
stops = ["older", "lost_rows", "id_format", "lost_ids"]
late_after_days = 2
few_rows_share = 0.1
unusual_spreads = 6.0
price_factor = 3.0
lost_rows_share = 0.02
late_rows_days = 7
changed_rows_share = 0.001
unseen_values_share = 0.05
lost_values_share = 0.2
other_format_share = 0.5
lost_ids_share = 0.1

[training]
seeds = [7]
embedding_dim = 16
attribute_dim = 4
hidden_dim = 32
dropout = 0.1
epochs = 2
patience = 2
batch_size = 64
learning_rate = 0.02
weight_decay = 0.3
history_dropout = 0.1
sampled_negatives = 0
max_softmax_articles = 20000
sampled_fallback = 64
threads = 1

[candidates.base]

[ranking]
weeks = 2
weeks_per_model = 2
customers_per_week = 20000
seed = 7

[retrieve]
two_tower = 30
own = 30
ease = 20
item_knn = 20
last_basket = 10
rising = 20
popular = 20
fresh = 5

[filter]
is_season_checked = true
denied_articles = []

[rankers.lambdarank]
n_trees = 30

[order]
depth = 40
diversity = 0.0
caps = { product_code = 3, department = 12 }

[promotion]
rule = "not_worse"
margin = 0.05
minimum_customers = 1

[resources]
cpu = 2
gpu = 0
memory = 8192

[common_sense]
guarded = {}
usual_price_factor = 3.0

[behavioral_tests]

[publication_gate]

[behavior_changes]
spreads = 4.0
[usual_weeks]
"""


class BenchRun(NamedTuple):
    """A finished benchmark: the data folder, the folder of its results, and the arguments that made it."""

    data_dir: Path
    results_dir: Path
    arguments: list[str]

    @property
    def folder(self) -> Path:
        """Folder of marts, models and lists."""
        return self.data_dir / "bench" / "demo"


@pytest.fixture(scope="session")
def small_settings_file(tmp_path_factory):
    """Settings under which a two-tower takes seconds."""
    path = tmp_path_factory.mktemp("settings") / "small.toml"
    path.write_text(SMALL_SETTINGS)
    return path


@pytest.fixture(scope="session")
def bench_run(demo_raw_dir, small_settings_file, tmp_path_factory):
    """The small shop's benchmark, run by its command."""
    from benchmarks.quality import main

    data_dir, results_dir = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("results")
    shutil.copytree(demo_raw_dir, data_dir / "raw" / "demo")
    arguments = "--dataset demo --weeks 2 --seeds 7 8 --processes 1".split()
    arguments += ["--settings", str(small_settings_file), "--results", str(results_dir)]
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RECOMMENDER_DATA_DIR", str(data_dir))
        assert main(arguments) == 0
    return BenchRun(data_dir, results_dir, arguments)
