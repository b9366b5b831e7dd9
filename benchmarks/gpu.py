"""What a GPU makes of training and of exact search: `PYTHONPATH=flows python -m benchmarks.gpu --help`

In: sizes; customers, articles and purchases are drawn from a seed on the machine itself. Out: rows a second and memory
by batch size, customers a second of the search, each with its share of what the memory of the device can move; and how
far scores and lists are from the processor's. It needs PyTorch and NumPy alone, and faiss where there is no GPU: the
towers have the shapes of `models.two_tower` without Merlin; loop, loss and search are the flow's own.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import date

import numpy as np
import torch
from torch import Tensor, nn

from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot
from recommender.models.retrieval import top_k
from recommender.models.training import TrainingSettings, train
from recommender.models.training_week import Targets, TrainingWeek

ATTRIBUTES, ATTRIBUTE_VALUES, CATEGORIES = 8, 200, 4
ARTICLE_NUMBERS, CUSTOMER_NUMBERS, HISTORY_NUMBERS = 5, 8, 2
HEADS, BYTES, GIB = 2, 4, 2**30
ADAM_PASSES = 7  # weights, both moments: read and written; gradients: read
SAMPLED_NEGATIVES, LIST = 4096, 12
DAY = date(2020, 9, 16)


class PlainTwoTower(nn.Module):
    """The towers of `models.two_tower` in plain PyTorch: what is looked up, pooled and multiplied is of its sizes."""

    def __init__(self, articles: int, dim: int = 64, attribute_dim: int = 16, hidden_dim: int = 256):
        super().__init__()
        self.own = nn.Embedding(articles, dim)
        self.attributes = nn.Embedding(ATTRIBUTES * ATTRIBUTE_VALUES, attribute_dim)
        self.projection = nn.Linear(ATTRIBUTES * attribute_dim, dim)
        self.categories = nn.Embedding(CATEGORIES * ATTRIBUTE_VALUES, attribute_dim)
        self.weights = nn.Sequential(nn.Linear(HISTORY_NUMBERS, 16), nn.Tanh(), nn.Linear(16, HEADS))
        query_width = HEADS * dim + CATEGORIES * attribute_dim + CUSTOMER_NUMBERS
        self.of_article = nn.Sequential(nn.Linear(dim + ARTICLE_NUMBERS, hidden_dim), nn.ReLU())
        self.of_customer = nn.Sequential(nn.Linear(query_width, hidden_dim), nn.ReLU())
        self.article_shift, self.customer_shift = nn.Linear(hidden_dim, dim), nn.Linear(hidden_dim, dim)
        nn.init.zeros_(self.own.weight)
        self.register_buffer("codes", torch.randint(ATTRIBUTE_VALUES, (articles, ATTRIBUTES)))

    def forward(self, queries: QuerySnapshot, candidates: CandidateSnapshot) -> tuple[Tensor, Tensor]:
        """Return (n, d) vectors of customers and (m, d) of articles."""
        return self.encode_queries(queries), self.encode_candidates(candidates)

    def encode_candidates(self, candidates: CandidateSnapshot) -> Tensor:
        """Return (m, d) vectors."""
        articles = self._articles(candidates.codes[:, 0])
        return articles + self.article_shift(self.of_article(torch.cat([articles, candidates.numbers], dim=1)))

    def encode_queries(self, queries: QuerySnapshot) -> Tensor:
        """Return (n, d) vectors."""
        known, place = torch.unique(queries.history_codes, return_inverse=True)
        weights = self.weights(queries.history_numbers).exp()
        heads = [
            nn.functional.embedding_bag(
                place,
                self._articles(known),
                queries.history_offsets[:-1],
                mode="sum",
                per_sample_weights=weights[:, head].contiguous(),
            )
            for head in range(HEADS)
        ]
        categories = self.categories(queries.codes).flatten(1)
        hidden = self.of_customer(torch.cat([*heads, categories, queries.numbers], dim=1))
        return heads[0] + self.customer_shift(hidden)

    def _articles(self, codes: Tensor) -> Tensor:
        return self.own(codes) + self.projection(self.attributes(self.codes[codes]).flatten(1))


def planted_week(customers: int, articles: int, history: int, bought: int) -> TrainingWeek:
    """Draw a week in which every customer has bought something before and buys something."""
    generator = torch.Generator().manual_seed(7)

    def whole(most: int, *shape: int) -> Tensor:
        return torch.randint(most, shape, generator=generator)

    candidates = CandidateSnapshot(
        as_of_day=DAY,
        positions=torch.arange(articles),
        codes=torch.arange(articles)[:, None],
        numbers=torch.randn(articles, ARTICLE_NUMBERS, generator=generator),
        is_on_sale=torch.ones(articles, dtype=torch.bool),
        last_week_sales=whole(100, articles),
    )
    queries = QuerySnapshot(
        as_of_day=DAY,
        customers=np.arange(customers, dtype=np.int32),
        codes=whole(ATTRIBUTE_VALUES, customers, CATEGORIES),
        numbers=torch.randn(customers, CUSTOMER_NUMBERS, generator=generator),
        history_codes=whole(articles, customers * history),
        history_numbers=torch.rand(customers * history, HISTORY_NUMBERS, generator=generator),
        history_offsets=torch.arange(customers + 1) * history,
    )
    columns = whole(articles, customers * bought)
    counts = torch.bincount(columns, minlength=articles)
    targets = Targets(columns, torch.arange(customers + 1) * bought)
    return TrainingWeek(candidates, queries, targets, counts / counts.sum())


def training_rate(week: TrainingWeek, batch_size: int, bandwidth: float) -> dict[str, float]:
    """Return the purchases a second of the later of two epochs, and the optimizer's share of the bandwidth."""
    model = PlainTwoTower(len(week.candidates))
    weights = sum(weight.numel() for weight in model.parameters())
    settings = TrainingSettings(epochs=2, batch_size=batch_size, sampled_negatives=SAMPLED_NEGATIVES)
    epoch = train(model, [week], settings, report=_silent)[-1]
    steps = epoch.rows_per_second * len(week.queries) / len(week.targets.columns) / batch_size
    return {
        "rows_per_second": round(epoch.rows_per_second),
        "optimizer_of_bandwidth": round(steps * weights * ADAM_PASSES * BYTES / bandwidth, 3),
        "peak_gpu_mib": epoch.peak_gpu_memory_mib,
    }


def search_rate(week: TrainingWeek, k: int, device: torch.device, bandwidth: float) -> dict[str, float]:
    """Return customers a second of the exact search, and the share of the bandwidth that its scores take."""
    model = PlainTwoTower(len(week.candidates)).to(device).eval()
    with torch.inference_mode():
        articles = model.encode_candidates(week.candidates.to(device))
        customers = model.encode_queries(week.queries.to(device))
        top_k(customers[:100], articles, k)
        seconds = _seconds(lambda: [top_k(block, articles, k) for block in customers.split(8_192)], device)
    moved = 2 * BYTES * len(customers) * len(articles)  # every score written and read
    return {
        "customers_per_second": round(len(customers) / seconds),
        "scores_of_bandwidth": round(moved / seconds / bandwidth, 3),
    }


def bandwidth_of(device: torch.device) -> float:
    """Return the bytes a second that a copy within the device's memory reads and writes."""
    source = torch.empty((GIB if device.type == "cuda" else GIB // 8) // BYTES, device=device).fill_(1)
    target = torch.empty_like(source)
    target.copy_(source)
    return 2 * BYTES * source.numel() / _seconds(lambda: target.copy_(source), device)


def difference(week: TrainingWeek, device: torch.device) -> dict[str, float]:
    """Return how far vectors of the device are from the processor's, and the share of lists' articles in both."""
    model = PlainTwoTower(len(week.candidates)).eval()
    found = {}
    with torch.inference_mode():
        for where in (torch.device("cpu"), device):
            queries, candidates = model.to(where)(week.queries.to(where), week.candidates.to(where))
            found[where.type] = (queries @ candidates.T).cpu()
    ours, theirs = found["cpu"], found[device.type]
    lists = zip(ours.topk(LIST).indices.numpy(), theirs.topk(LIST).indices.numpy(), strict=True)
    return {
        "largest_relative": float(((ours - theirs).abs() / ours.abs().amax()).amax()),
        "same_articles": float(np.mean([np.intersect1d(*pair).size for pair in lists])) / LIST,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure where there is a GPU, or on the processor, and print a JSON object."""
    options = _parser().parse_args(arguments)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(7)
    bandwidth = bandwidth_of(device)
    week = planted_week(options.customers, options.articles, options.history, options.bought)
    few = torch.arange(min(options.customers, 500))
    result = {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "gigabytes_per_second": round(bandwidth / 1e9, 1),
        "training": {size: training_rate(week, size, bandwidth) for size in options.batch_sizes},
        "search": search_rate(week, options.k, device, bandwidth),
        "difference_to_cpu": difference(week.take(few), device),
    }
    print(json.dumps(result, indent=2))
    return 0


def _seconds(work, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _silent(epoch: object) -> None:
    del epoch


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu",
        description="Measure training and exact search on this machine's GPU, or on its processor.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--customers", type=int, default=100_000, help="who buy in the week")
    parser.add_argument("--articles", type=int, default=22_000, help="on sale")
    parser.add_argument("--history", type=int, default=25, help="purchases of each customer before")
    parser.add_argument("--bought", type=int, default=3, help="articles of each customer in the week")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[256, 1024, 4096])
    parser.add_argument("--k", type=int, default=100, help="articles that the search finds")
    return parser


if __name__ == "__main__":
    sys.exit(main())
