"""Show one customer's published list to a person.

Stage: beside the API, over the same store. In: a customer id and the lists in Redis. Out: a table on the terminal.

    python -m serving.commands.query --customer ID --k 12 --dataset demo

Exit codes: see `terminal`.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from serving.cache.article_facts import ArticleFacts
from serving.commands.terminal import add_dataset_option, connected, run
from serving.lookup.answers import DEFAULT_DEPTH, Recommendations, age_seconds, format_age
from serving.lookup.recommendation_store import RecommendationStore


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a list; return the exit code."""
    options = _parse(arguments)
    return run(lambda: asyncio.run(_query(options.dataset, options.customer, options.k)))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m serving.commands.query", description="Show a customer's published list."
    )
    parser.add_argument("--customer", help="customer id; by default a published customer with a personal list")
    parser.add_argument("--k", type=_depth, default=DEFAULT_DEPTH, help="how many articles at most (default: 12)")
    add_dataset_option(parser)
    return parser.parse_args(arguments)


def _depth(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


async def _query(dataset: str, customer_id: str | None, k: int) -> str:
    async with connected(dataset) as client:
        store = RecommendationStore(client, dataset)
        try:
            await store.refresh()
            if not customer_id:
                examples = store.known_head.manifest.example_customers
                customer_id = examples.get("personal") or next(iter(examples.values()))
            found = await store.lookup(customer_id, k)
            return format_list(found, store.catalogue.facts, datetime.now(UTC))
        finally:
            await store.close()


def format_list(found: Recommendations, articles: Mapping[str, ArticleFacts], now: datetime) -> str:
    """Return a list as lines of text; `now` (UTC) dates its age."""
    why = f" ({found.fallback_reason})" if found.fallback_reason else ""
    lines = [
        f"customer  {found.customer_id}",
        f"source    {found.source.name.lower()}{why}",
        f"version   {found.version}, model {found.model}",
        f"age       {format_age(age_seconds(found.generated_at, now))}, generated at {found.generated_at}",
        "",
        "rank  article_id       score  reason           product",
    ]
    lines += [
        f"{rank:4}  {item.article_id:10}  {item.score:10.4f}  {item.reason:15}  {_name(articles, item.article_id)}"
        for rank, item in enumerate(found.items, 1)
    ]
    return "\n".join(lines)


def _name(articles: Mapping[str, ArticleFacts], article_id: str) -> str:
    return articles[article_id].name if article_id in articles else "(name unknown)"


if __name__ == "__main__":
    sys.exit(main())
