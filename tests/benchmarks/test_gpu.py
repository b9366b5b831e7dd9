"""The GPU's benchmark, on the processor: it measures everything, without the packages that a GPU machine may lack."""

import json
import subprocess
import sys

from benchmarks import gpu
from recommender.project_paths import PROJECT_ROOT

WITHOUT_PACKAGES = """
import runpy, sys
for name in "merlin nvtabular pandas pyarrow pydantic scipy metaflow duckdb".split():
    sys.modules[name] = None  # importing it fails as if it were not there
sys.path.insert(0, "flows")
sys.argv = ["gpu", *"--customers 300 --articles 200 --history 5 --batch-sizes 64 128 --k 20".split()]
runpy.run_module("benchmarks.gpu", run_name="__main__")
"""


def test_it_measures_with_pytorch_alone():
    command = [sys.executable, "-c", WITHOUT_PACKAGES]
    ran = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)
    assert result["training"].keys() == {"64", "128"}
    assert all(each["rows_per_second"] > 0 for each in result["training"].values())
    assert result["search"]["customers_per_second"] > 0
    assert result["difference_to_cpu"]["same_articles"] == 1


def test_the_plain_towers_learn_what_is_planted():
    """What is bought is what was bought before, or the loop would be timed on a model that learns nothing."""
    week = gpu.planted_week(customers=400, articles=50, history=4, bought=4)
    bought = gpu.Targets(week.queries.history_codes, week.queries.history_offsets)
    week = gpu.TrainingWeek(week.candidates, week.queries, bought, week.purchase_shares)
    settings = gpu.TrainingSettings(epochs=8, batch_size=32, learning_rate=0.01, history_dropout=0.0)
    losses = [each.loss for each in gpu.train(gpu.PlainTwoTower(50), [week], settings, report=lambda epoch: None)]
    assert losses[-1] < 0.7 * losses[0]
