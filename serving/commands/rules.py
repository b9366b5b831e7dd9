"""Change and show what is kept out of every list; the API follows within a second.

    python -m serving.commands.rules deny ARTICLE --note "recalled"     also: out-of-stock, allow, cap N, show

Exit codes: see `terminal`.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from serving.commands.terminal import add_dataset_option, connected, run
from serving.lookup.rule_book import LookupRules, Rule, RuleBook

RULES = {"deny": Rule.DENIED, "out-of-stock": Rule.OUT_OF_STOCK}
"""By the action that makes them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Change or show the rules; return the exit code."""
    options = _parser().parse_args(arguments)
    return run(lambda: asyncio.run(_change(options)))


async def _change(options: argparse.Namespace) -> str:
    """Do what the options say; return the rules as they are afterwards."""
    lines = []
    async with connected() as client:
        book = RuleBook(client, options.dataset)
        if options.action in RULES:
            await book.bar(options.article, RULES[options.action], options.note)
        elif options.action == "allow" and not await book.allow(options.article):
            lines = [f"{options.article} was not barred"]
        elif options.action == "cap":
            await book.set_cap(options.most)
        return "\n".join([*lines, *_lines(options.dataset, await book.read())])


def _lines(dataset: str, rules: LookupRules) -> list[str]:
    cap = rules.most_per_product_code
    return [
        f"{dataset}: {len(rules.barred):,} articles barred, {f'at most {cap}' if cap else 'no cap'} per product code",
        *(f"{article:10}  {each.rule:12}  since {each.since}  {each.note}" for article, each in rules.barred.items()),
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.commands.rules", description="What is kept out of every list from the next second on."
    )
    add_dataset_option(parser)
    actions = parser.add_subparsers(dest="action", required=True)
    for action, what in (("deny", "recommend an article to nobody"), ("out-of-stock", "the same while it is sold out")):
        barring = actions.add_parser(action, help=what)
        barring.add_argument("article", help="ten digits")
        barring.add_argument("--note", default="", help="the reason, for later readers")
    actions.add_parser("allow", help="recommend it again").add_argument("article", help="ten digits")
    actions.add_parser("cap", help="limit articles of one product").add_argument("most", type=int, help="0 for no cap")
    actions.add_parser("show", help="list the rules")
    return parser


if __name__ == "__main__":
    sys.exit(main())
