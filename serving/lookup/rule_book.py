"""Where the lookup rules are kept, and the command that changes them.

Stage: beside publishing and serving. In: Redis. Out: `LookupRules`.

    python -m serving.lookup.rule_book deny ARTICLE --note "recalled"     also: out-of-stock, allow, cap N, show

Rules lie in one hash per dataset, a field for each article, so that two people who change rules at once do not undo
each other's. They outlive versions. The API reads them every second and keeps the last it read while Redis is away.

Exit codes: 0 done, 2 a wrong argument, 3 what lies in Redis is damaged, 4 Redis cannot be reached.
"""

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import redis.asyncio

from serving.cache.contract import CacheKeys
from serving.connection.redis_connection import connect_async, redis_url
from serving.errors import ServingError
from serving.lookup.lookup_rules import CAP_FIELD, BarredArticle, LookupRules, Rule, read_rules
from serving.lookup.store_errors import RedisAway

TIMEOUT_SECONDS = 5.0


class RuleError(ServingError, ValueError):
    """A rule names no article, or no number."""


class RuleBook:
    """The rules of one dataset in Redis.

    Every method raises RedisAway when Redis does not answer.
    """

    def __init__(self, client: redis.asyncio.Redis, dataset: str) -> None:
        self._client, self._key = client, CacheKeys(dataset).rules

    async def read(self) -> LookupRules:
        """Return all rules.

        Raises:
            CacheFormatError: one is damaged; the message names it.
        """
        return read_rules(await self._ask(self._client.hgetall(self._key)))

    async def bar(self, article_id: str, rule: Rule, note: str) -> None:
        """Recommend an article to nobody.

        Raises:
            RuleError: not an article id.
        """
        if not re.fullmatch("[0-9]{10}", article_id):
            raise RuleError(f"article {article_id!r} is not an id; write ten digits, leading zeros included.")
        barred = BarredArticle(rule, note, datetime.now(UTC).isoformat(timespec="seconds"))
        await self._ask(self._client.hset(self._key, article_id, barred.to_json()))

    async def allow(self, article_id: str) -> bool:
        """Let an article be recommended again; returns whether it was barred."""
        return bool(await self._ask(self._client.hdel(self._key, article_id)))

    async def set_cap(self, most: int) -> None:
        """Let at most so many articles of one product code into an answer; 0 removes the cap.

        Raises:
            RuleError: a negative number.
        """
        if most < 0:
            raise RuleError(f"a cap must be 1 or more, or 0 to remove it; got {most}.")
        change = self._client.hset(self._key, CAP_FIELD, most) if most else self._client.hdel(self._key, CAP_FIELD)
        await self._ask(change)

    async def _ask(self, command):
        try:
            return await command
        except (redis.RedisError, OSError) as error:
            raise RedisAway(f"Redis does not answer ({error}); the rules are as they were.") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Change or show the rules; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        print("\n".join(asyncio.run(_carry_out(options))))
    except ServingError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


async def _carry_out(options: argparse.Namespace) -> list[str]:
    client = connect_async(redis_url(), TIMEOUT_SECONDS)
    try:
        book, lines = RuleBook(client, options.dataset), []
        if options.action in ("deny", "out-of-stock"):
            rule = Rule.DENIED if options.action == "deny" else Rule.OUT_OF_STOCK
            await book.bar(options.article, rule, options.note)
        elif options.action == "allow" and not await book.allow(options.article):
            lines = [f"{options.article} was not barred"]
        elif options.action == "cap":
            await book.set_cap(options.most)
        return [*lines, *_lines(options.dataset, await book.read())]
    finally:
        await client.aclose()


def _lines(dataset: str, rules: LookupRules) -> list[str]:
    cap = rules.most_per_product_code
    return [
        f"{dataset}: {len(rules.barred):,} articles barred, {f'at most {cap}' if cap else 'no cap'} per product code",
        *(f"{article:10}  {each.rule:12}  since {each.since}  {each.note}" for article, each in rules.barred.items()),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.lookup.rule_book", description="What is kept out of every list from the next second on."
    )
    parser.add_argument("--dataset", default=os.environ.get("DATASET") or "demo", help="default: %(default)s")
    actions = parser.add_subparsers(dest="action", required=True)
    for action, what in (("deny", "recommend an article to nobody"), ("out-of-stock", "the same while it is sold out")):
        barring = actions.add_parser(action, help=what)
        barring.add_argument("article", help="ten digits")
        barring.add_argument("--note", default="", help="why, for colleagues who read it later")
    actions.add_parser("allow", help="recommend it again").add_argument("article", help="ten digits")
    actions.add_parser("cap", help="at most so many of one product").add_argument("most", type=int, help="0 for any")
    actions.add_parser("show", help="list the rules")
    return parser


if __name__ == "__main__":
    sys.exit(main())
