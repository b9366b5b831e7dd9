"""How fast the two-tower finds everybody's best articles, beside faiss: `python -m benchmarks.scale.retrieval --help`

In: numbers of customers and articles on sale; vectors are drawn from a seed. Out: customers a second of both, in turns
on the same matrix, for the same k and threads; what both found; and benchmarks/results/retrieval.json. faiss's exact
index holds no other memory than the articles, and knows no rule for ties.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch

from benchmarks.quality import RESULTS_DIR
from recommender.stages.candidate_sets import SCORES_PER_CHUNK
from recommender.stages.chunk_scores import ProductScores

LEAST_RATIO = 0.8


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both, print and write what they did; returns 1 when ours is slower than promised."""
    options = _parser().parse_args(arguments)
    result = measure(**vars(options))
    print(json.dumps(result, indent=2))
    RESULTS_DIR.mkdir(parents=True, exist_ok=True)
    (RESULTS_DIR / "retrieval.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return int(result["ratio"] < LEAST_RATIO)


def measure(customers: int, articles: int, dim: int, k: int, threads: int, rounds: int) -> dict[str, float]:
    """Return the sizes, what each found of so many customers a second, the ratio, and how far they found the same."""
    import faiss

    torch.set_num_threads(threads)
    faiss.omp_set_num_threads(threads)
    queries, on_sale = vectors(customers, articles, dim)
    index = faiss.IndexFlatIP(dim)
    index.add(on_sale.numpy())
    runs = {
        "chunks": lambda: best_in_chunks(queries, on_sale, k),
        "faiss": lambda: index.search(queries.numpy(), k)[1],
    }
    rates = rates_in_turns(runs, customers, rounds)
    ratio = statistics.median(a / b for a, b in zip(*rates.values(), strict=True))
    return {
        **{"customers": customers, "articles": articles, "dim": dim, "k": k, "threads": threads},
        **{f"{name}_customers_per_second": round(statistics.median(each)) for name, each in rates.items()},
        "ratio": round(ratio, 2),
        "same_articles": same_articles(runs["chunks"](), runs["faiss"]()),
    }


def vectors(customers: int, articles: int, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw (customers, dim) and (articles, dim) float32."""
    chance = torch.Generator().manual_seed(7)
    return tuple(torch.randn(count, dim, generator=chance) for count in (customers, articles))


def best_in_chunks(customers: torch.Tensor, articles: torch.Tensor, k: int) -> np.ndarray:
    """Return the (n, k) columns of the best articles, ascending, as the generator finds them."""
    chunks = customers.split(max(1, SCORES_PER_CHUNK // len(articles)))
    columns = np.arange(len(articles))
    found = [ProductScores(chunk, articles, columns, len(columns)).best(k).reshape(len(chunk), k) for chunk in chunks]
    return np.concatenate(found) % len(articles)


def rates_in_turns(runs: dict[str, Callable[[], object]], customers: int, rounds: int) -> dict[str, list[float]]:
    """Return each one's customers a second, round by round: noise of the machine meets all of a round."""
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            rates[name].append(customers / (time.perf_counter() - started))
    return rates


def same_articles(found: np.ndarray, others: np.ndarray) -> float:
    """Return the share of the articles in both; near-ties at the end of a list may differ by rounding."""
    return float(np.mean(np.sort(found, axis=1) == np.sort(others, axis=1)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale.retrieval",
        description="Time exact search for everybody's best articles beside faiss.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--articles", type=int, default=22_000, help="on sale")
    parser.add_argument("--dim", type=int, default=65)
    parser.add_argument("--k", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    return parser


if __name__ == "__main__":
    sys.exit(main())
