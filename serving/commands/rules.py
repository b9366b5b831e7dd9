"""Change and show what is kept out of every list; the API follows within a second.

    python -m serving.commands.rules deny ARTICLE --note "recalled"     also: out-of-stock, allow, cap N, show
    python -m serving.commands.rules out-of-stock --file sold-out.txt --feed stock      exactly these, for this feed

A file has one article id a line, or a column `article_id`. With `--feed` its articles replace those that the feed
barred before; without, they are a list of their own. `allow --feed NAME` ends a feed.

Exit codes: see `terminal`.
"""

import argparse
import asyncio
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import redis

from serving.cache.article_facts import decode_articles
from serving.cache.contract import CacheFormatError, CacheKeys
from serving.cache.kept_rules import keep_rules, rescue_rules
from serving.cache.published_datasets import nothing_published
from serving.commands.article_file import ArticleFile, read_article_file
from serving.commands.terminal import add_dataset_option, connected, run
from serving.connection.redis_connection import connect
from serving.connection.redis_failures import named_failures
from serving.lookup.barred_articles import Rule
from serving.lookup.lookup_rules import LookupRules
from serving.lookup.rule_book import Changed, RuleBook, RuleError, check_article_ids, check_feed, check_note
from serving.lookup.store_errors import NothingPublished

RULES = {"deny": Rule.DENIED, "out-of-stock": Rule.OUT_OF_STOCK}
"""By the action that makes them."""
EXAMPLES = 5  # of unknown ids


def main(arguments: Sequence[str] | None = None) -> int:
    """Change or show the rules; return the exit code."""
    options = _parser().parse_args(arguments)
    return run(lambda: "\n".join(_command(options)))


def _command(options: argparse.Namespace) -> list[str]:
    """Do what the options say; return what is to be printed."""
    file = read_article_file(Path(options.file).expanduser()) if getattr(options, "file", None) else None
    _check(options, file)
    with connect() as client, named_failures(client):
        missing = nothing_published(client, options.dataset)
        told = rescue_rules(client, options.dataset) if options.action != "show" else []
        if options.action in RULES:
            told += _unknown(client, options, file)
        told += file.odd if file else []
        told += asyncio.run(_change(options, file))
        if options.action != "show":
            return told + keep_rules(client, options.dataset) + ([missing] if missing else [])
        if missing and not client.exists(CacheKeys(options.dataset).rules_state, CacheKeys(options.dataset).rules):
            raise NothingPublished(f"{options.dataset} has no rules, and {missing}")
    return told


def _check(options: argparse.Namespace, file: ArticleFile | None) -> None:
    """Check what can be checked without Redis.

    Raises:
        RuleError: an article, a file, a feed or a note is missing, too much, or not what it must be.
    """
    if options.action not in (*RULES, "allow"):
        return
    ends_feed = options.action == "allow" and options.feed and not file and not options.article
    if options.feed:
        check_feed(options.feed)
    if options.action == "allow" and options.feed and not ends_feed:
        raise RuleError("allow takes a feed alone, which ends it; what a feed bars is for the feed to say.")
    if not ends_feed and bool(file) == bool(options.article):
        raise RuleError(f"{options.action} takes either an article (ARTICLE=...) or a file of articles (FILE=...).")
    if options.feed and options.action in RULES and not file:
        raise RuleError("a feed names all of its articles at once: FILE=... with FEED=...")
    if options.article:
        check_article_ids([options.article])
    check_note(getattr(options, "note", ""))


async def _change(options: argparse.Namespace, file: ArticleFile | None) -> list[str]:
    async with connected() as client:
        book, action = RuleBook(client, options.dataset), options.action
        told = await _told_of_change(book, options, file)
        rules = await book.read()
        return [*told, *_lines(options.dataset, rules, with_single=action == "show")]


async def _told_of_change(book: RuleBook, options: argparse.Namespace, file: ArticleFile | None) -> list[str]:
    match options.action:
        case "deny" | "out-of-stock" if file:
            many = [file.article_ids, RULES[options.action], options.note]
            changed = await (book.replace_feed(options.feed, *many) if options.feed else book.bar_many(*many))
            return [_counted(changed, len(file.article_ids))]
        case "deny" | "out-of-stock":
            await book.bar(options.article, RULES[options.action], options.note)
            return [f"{options.article} is barred"]
        case "allow" if options.feed:
            return [_counted(await book.end_feed(options.feed), 0)]
        case "allow":
            ids = file.article_ids if file else [options.article]
            return _told_of_allowing(await book.allow_many(ids), ids)
        case "cap":
            await book.set_cap(options.most)
    return []


def _counted(changed: Changed, n_named: int) -> str:
    return f"{_articles(n_named)} named, {changed.added:,} of them new; {changed.freed:,} others freed"


def _told_of_allowing(changed: Changed, ids: Sequence[str]) -> list[str]:
    not_barred = len(ids) - changed.freed - changed.still_barred
    which = ids[0] if len(ids) == 1 else None
    told = []
    for count, one, many in (
        (changed.freed, "is allowed", "are allowed"),
        (not_barred, "was not barred", "were not barred"),
        (
            changed.still_barred,
            "stays barred by a feed, which has to free it",
            "stay barred by a feed, which has to free them",
        ),
    ):
        if count:
            told.append(f"{which or _articles(count)} {one if count == 1 else many}")
    return told


def _articles(count: int) -> str:
    return f"{count:,} article{'s' * (count != 1)}"


def _unknown(client: redis.Redis, options: argparse.Namespace, file: ArticleFile | None) -> list[str]:
    """Say which articles the served version does not know.

    Raises:
        RuleError: it knows none of a feed's articles, so that the file is hardly the right one.
    """
    ids = file.article_ids if file else [options.article]
    known = _known_articles(client, options.dataset)
    unknown = [each for each in ids if each not in known] if known else []
    if file and len(unknown) == len(ids):
        raise RuleError(f"{options.file}: no article of the published version has one of these ids; {unknown[0]!r}?")
    if not unknown:
        return []
    if not file:
        return [f"{unknown[0]} is unknown to the published version of {options.dataset}: look for a typing error"]
    return [
        f"{len(unknown):,} of {len(ids):,} ids are unknown to the published version: {', '.join(unknown[:EXAMPLES])}"
    ]


def _known_articles(client: redis.Redis, dataset: str) -> Collection[str]:
    """Return the articles of the served version, none if they cannot be read."""
    keys = CacheKeys(dataset)
    version = client.get(keys.current)
    facts = client.get(keys.articles(version.decode())) if version else None
    try:
        return decode_articles(facts) if facts else ()
    except CacheFormatError:
        return ()


def _lines(dataset: str, rules: LookupRules, with_single: bool) -> Iterator[str]:
    cap = rules.most_per_product_code
    yield (
        f"{dataset}: {_articles(len(rules.barred))} barred, {f'at most {cap}' if cap else 'no cap'} per product code"
    )
    for name, each in rules.together.items():
        yield f"{name}  {_articles(len(each.numbers))}  {each.why.rule:12}  since {each.why.since}  {each.why.note}"
    if with_single:
        for article, why in rules.barred.single.items():
            yield f"{article:10}  {why.rule:12}  since {why.since}  {why.note}"
    if rules.unreadable:
        yield f"cannot be read, set them again: {', '.join(rules.unreadable[:EXAMPLES])}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.commands.rules", description="What is kept out of every list from the next second on."
    )
    add_dataset_option(parser)
    actions = parser.add_subparsers(dest="action", required=True)
    for action, what in (
        ("deny", "recommend articles to nobody"),
        ("out-of-stock", "the same while they are sold out"),
    ):
        barring = actions.add_parser(action, help=what)
        _add_articles(barring, "all that this feed bars: its articles replace those of its last file")
        barring.add_argument("--note", default="", help="the reason, for later readers")
    _add_articles(actions.add_parser("allow", help="recommend them again"), "the feed to end")
    actions.add_parser("cap", help="limit articles of one product").add_argument("most", type=int, help="0 for no cap")
    actions.add_parser("show", help="list the rules")
    return parser


def _add_articles(action: argparse.ArgumentParser, feed: str) -> None:
    action.add_argument("article", nargs="?", default="", help="ten digits")
    action.add_argument("--file", default="", help="article ids, one a line, or a table with a column article_id")
    action.add_argument("--feed", default="", help=feed)


if __name__ == "__main__":
    sys.exit(main())
