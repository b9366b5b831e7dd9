"""What the README shows of the benchmark."""

from benchmarks.report import headline_table


def model(mean: float) -> dict:
    """The part of a model's results that the table shows."""
    return {"metrics": {"map@12": mean}, "intervals": {"map@12": {"mean": mean, "low": mean - 0.1, "high": mean + 0.1}}}


def test_a_row_shows_the_served_lists_beside_the_best_of_the_baselines():
    means = {"served": 0.5, "two_tower": 0.4, "popular": 0.2, "ease": 0.3}
    models = {name: model(mean) for name, mean in means.items()}
    of_dataset = {"models": models, "windows": [{}, {}], "seeds": [7]}
    assert headline_table({"demo": of_dataset}).splitlines()[2] == (
        "| demo | 2 weeks, 1 seed | **0.5000 [0.4000, 0.6000]** | 0.4000 [0.3000, 0.5000] "
        "| `ease` 0.3000 [0.2000, 0.4000] | 0.2000 [0.1000, 0.3000] |"
    )
