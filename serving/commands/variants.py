"""Start, end and show variants: serve a share of the customers another of the published versions.

    python -m serving.commands.variants start NAME --version VERSION --share 0.1     also: end NAME, show

Exit codes: see `terminal`.
"""

import argparse
import sys
from collections.abc import Sequence

from serving.cache.published_datasets import nothing_published
from serving.cache.variants import Variant
from serving.commands.terminal import add_dataset_option, run
from serving.connection.redis_connection import connect
from serving.connection.redis_failures import named_failures
from serving.lookup.store_errors import NothingPublished
from serving.lookup.variant_book import VariantBook


def main(arguments: Sequence[str] | None = None) -> int:
    """Start, end or show variants; return the exit code."""
    options = _parser().parse_args(arguments)
    return run(lambda: _change(options))


def _change(options: argparse.Namespace) -> str:
    """Do what the options say; return the variants as they are afterwards."""
    with connect() as client, named_failures(client):
        if missing := nothing_published(client, options.dataset):
            raise NothingPublished(missing)
        book = VariantBook(client, options.dataset)
        if options.action == "start":
            book.start(options.name, options.version, options.share)
        elif options.action == "end":
            book.end(options.name)
        return "\n".join(_lines(options.dataset, book.read()))


def _lines(dataset: str, variants: Sequence[Variant]) -> list[str]:
    rest = max(0.0, 1 - sum(each.share for each in variants))
    lines = [f"{each.name:12}  {each.share:6.1%}  {each.version}  since {each.since}" for each in variants]
    return [*lines, f"{rest:.1%} of the customers of {dataset} are served the current version"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.commands.variants",
        description="Serve a share of the customers another published version.",
    )
    add_dataset_option(parser)
    actions = parser.add_subparsers(dest="action", required=True)
    start = actions.add_parser("start", help="serve a share of the customers a version")
    start.add_argument("name", help="as it stands in the API's answers, the log and the metrics")
    start.add_argument("--version", required=True, help="one of `make versions`")
    start.add_argument("--share", type=float, default=0.1, help="of the customers (default: %(default)s)")
    actions.add_parser("end", help="serve its customers the current version").add_argument("name")
    actions.add_parser("show", help="list the variants")
    return parser


if __name__ == "__main__":
    sys.exit(main())
