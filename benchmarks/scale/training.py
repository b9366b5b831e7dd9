"""How fast a two-tower learns, beside Merlin's own contrastive output: `python -m benchmarks.scale.training --help`

In: the encoded training weeks of a run. Out: purchases a second, in turns on the same batches of the same customers, of

    night   a step as a night takes it: towers, loss, gradients, optimizer
    towers  the towers alone, forward and backward, each article encoded once
    merlin  the same towers under `ContrastiveOutput`: a row is a purchase, its negatives are the batch's other articles

and benchmarks/results/training.json, with an entry for each name given.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.quality import RESULTS_DIR
from benchmarks.results import write_results
from recommender import config
from recommender.features.model_inputs import ModelInputs
from recommender.models.grid import build_model, training_settings
from recommender.models.training import TrainingSettings, sample_candidates, train
from recommender.models.training_week import TrainingWeek

LEAST_OF_MERLIN, LEAST_OF_TOWERS = 3.0, 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all three, print and write what they did; returns 1 when a night's step is slower than promised."""
    options = vars(_parser().parse_args(arguments))
    name = options.pop("name")
    result = measure(**options)
    print(json.dumps(result, indent=2))
    write_results(RESULTS_DIR / "training.json", name, result)
    return int(result["of_merlin"] < LEAST_OF_MERLIN or result["of_towers"] < LEAST_OF_TOWERS)


def measure(inputs: Path, purchases: int, batches: int, merlin_batch: int, rounds: int) -> dict[str, float]:
    """Return the sizes, the three rates in purchases a second, and the night's rate over the others'.

    `inputs` is a folder of `ModelInputs`, whose newest training week is learned, and `purchases` the shop's, which say
    what settings it takes; for the others see the command's help.
    """
    model_inputs = ModelInputs.load(inputs)
    *days, known_until = sorted(model_inputs.queries)
    candidate = config.Settings.of(config.read_file(config.DEFAULT_FILE), "demo", purchases).candidates[0]
    settings = training_settings(candidate, model_inputs, known_until)
    parts = model_inputs.candidates, model_inputs.queries, model_inputs.truths
    week = TrainingWeek.of(*(part[days[-1]] for part in parts))
    week = week.take(torch.arange(len(week.queries))[: batches * settings.batch_size])
    torch.set_num_threads(settings.threads)
    runs: dict[str, Callable[[nn.Module], float]] = {
        "night": lambda model: train(model, [week], settings, last_epoch=1, report=_silent)[0].rows_per_second,
        "towers": lambda model: towers_rate(model, week, settings),
        "merlin": lambda model: merlin_rate(model, week, merlin_batch),
    }
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            rates[name].append(run(build_model(candidate, model_inputs, known_until)))
    return {
        "articles": len(model_inputs.catalogue.article_ids),
        "on_sale": len(week.candidates.positions),
        "batch_size": settings.batch_size,
        "sampled_negatives": settings.sampled_negatives,
        "merlin_batch": merlin_batch,
        "threads": settings.threads,
        **{f"{name}_rows_per_second": round(statistics.median(each)) for name, each in rates.items()},
        "of_merlin": _ratio(rates["night"], rates["merlin"]),
        "of_towers": _ratio(rates["night"], rates["towers"]),
    }


def towers_rate(model: nn.Module, week: TrainingWeek, settings: TrainingSettings) -> float:
    """Return the purchases a second for which both towers are passed there and back."""
    model.train()
    started = time.perf_counter()
    for rows in torch.randperm(len(week.queries)).split(settings.batch_size):
        candidates = week.candidates
        if settings.sampled_negatives:
            chosen, *_ = sample_candidates(week, week.targets.take(rows).columns, settings.sampled_negatives)
            candidates = candidates.take(chosen)
        queries, candidates = model(week.queries.take(rows), candidates)
        (queries.sum() + candidates.sum()).backward()
        model.zero_grad()
    return len(week.targets.columns) / (time.perf_counter() - started)


def merlin_rate(model: nn.Module, week: TrainingWeek, size: int) -> float:
    """Return the purchases a second from which the towers learn by Merlin's in-batch softmax and AdamW."""
    from merlin.models.torch.batch import Batch
    from merlin.models.torch.outputs.contrastive import ContrastiveOutput
    from merlin.schema import Schema

    output = ContrastiveOutput(Schema(["article", "query"]), negative_sampling="in-batch").train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.train()
    started = time.perf_counter()
    for customers, articles in _purchases(week, size):
        queries, candidates = week.queries.take(customers), week.candidates.take(articles)
        vectors = {"query": model.encode_queries(queries), "article": model.encode_candidates(candidates)}
        logits = output(vectors, batch=Batch({"article": candidates.positions}))
        optimizer.zero_grad()
        output.loss(logits, output.target).backward()
        optimizer.step()
    return len(week.targets.columns) / (time.perf_counter() - started)


def _purchases(week: TrainingWeek, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the rows of customers and articles of a week's purchases, in a random order."""
    owner = torch.repeat_interleave(week.targets.offsets.diff())
    for chosen in torch.randperm(len(owner)).split(size):
        yield owner[chosen], week.targets.columns[chosen]


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return round(statistics.median(one / other for one, other in zip(ours, theirs, strict=True)), 2)


def _silent(epoch: object) -> None:
    del epoch


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale.training",
        description="Time a two-tower's training beside its towers alone and Merlin's ContrastiveOutput.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("inputs", type=Path, help="data/runs/DATASET/RUN/evaluated/model_inputs of any run")
    parser.add_argument("--name", default="demo", help="of the entry in the result")
    parser.add_argument("--purchases", type=int, default=0, help="of the shop, which says what settings it takes")
    parser.add_argument("--batches", type=int, default=16, help="to learn in a round, at most")
    parser.add_argument("--merlin-batch", type=int, default=4096, help="rows, each a purchase")
    parser.add_argument("--rounds", type=int, default=3)
    return parser


if __name__ == "__main__":
    sys.exit(main())
