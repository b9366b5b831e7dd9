"""Show one customer's published list to a person.

Stage: beside the API, over the same store. In: a customer id and the lists in Redis. Out: a table on the terminal.

    python -m serving.commands.query --customer ID --k 12 --dataset demo

Exit codes: 0 a list was printed, 2 a wrong argument, 3 nothing readable is published, 4 Redis cannot be reached.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from serving.cache.article_facts import ArticleFacts
from serving.connection.redis_connection import connect_async, redis_url
from serving.errors import ServingError
from serving.lookup.answers import Recommendations
from serving.lookup.recommendation_store import DEFAULT_DEPTH, RecommendationStore

TIMEOUT_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a list; returns the exit code."""
    options = _parse(arguments)
    try:
        print(asyncio.run(_query(options.dataset, options.customer, options.k)))
    except ServingError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m serving.commands.query", description="Show a customer's published list."
    )
    parser.add_argument("--customer", help="customer id; by default a published customer with a personal list")
    parser.add_argument("--k", type=_depth, default=DEFAULT_DEPTH, help="how many articles at most (default: 12)")
    parser.add_argument("--dataset", default=os.environ.get("DATASET") or "demo", help="default: %(default)s")
    return parser.parse_args(arguments)


def _depth(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


async def _query(dataset: str, customer_id: str | None, k: int) -> str:
    client = connect_async(redis_url(), TIMEOUT_SECONDS)
    store = RecommendationStore(client, dataset)
    try:
        await store.refresh()
        if not customer_id:
            examples = store.known_head.manifest.example_customers
            customer_id = examples.get("personal") or next(iter(examples.values()))
        found = await store.lookup(customer_id, k)
        return format_list(found, store.facts, datetime.now(UTC))
    finally:
        await store.close()
        await client.aclose()


def format_list(found: Recommendations, articles: Mapping[str, ArticleFacts], now: datetime) -> str:
    """A list as lines of text; `now` (UTC) dates its age."""
    why = f" ({found.fallback_reason})" if found.fallback_reason else ""
    age = now - datetime.fromisoformat(found.generated_at)
    lines = [
        f"customer  {found.customer_id}",
        f"source    {found.source.name.lower()}{why}",
        f"version   {found.version}, model {found.model}",
        f"age       {format_age(age.total_seconds())}, generated at {found.generated_at}",
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


def format_age(seconds: float) -> str:
    """A duration in the largest whole unit: `42 seconds`, `3 hours`, `2 days`."""
    for name, unit_seconds in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * unit_seconds:
            return f"{seconds // unit_seconds:.0f} {name}"
    return f"{max(seconds, 0):.0f} seconds"


if __name__ == "__main__":
    sys.exit(main())
