"""Explain to a person why a customer is served this list.

Stage: beside the published lists, after a run. In: the newest run's report, marts and models. Out: text on the
terminal: who the customer is, each recommendation with its reasons, and what rules and caps kept away.

    python -m recommender.explain.command --dataset demo --customer ID --k 12

Nothing is trained or encoded again: the list comes out of the published models as it did when it was published, so
the first k are the same. torch and Merlin are imported inside the functions: they take seconds, and a mistyped customer
is reported at once.

Exit codes: 0 a list was explained, 2 a wrong argument or an unknown customer, 3 no published run can be read.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from recommender.columns import Columns
from recommender.errors import RecommenderError
from recommender.explain.explanation_text import format_customer, format_kept_away, format_list, label
from recommender.explain.newest_run import (
    Customer,
    NewestRun,
    NothingPublished,
    UnknownCustomer,
    find_customer,
    newest_run,
    stages_of,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from recommender.config import StageSettings
    from recommender.explain.explanation import Explanation
    from recommender.features.model_inputs import ModelInputs

EXIT_USAGE, EXIT_NOTHING_PUBLISHED = 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Explain one customer's list; returns the exit code."""
    options = _parse(arguments)
    try:
        run = newest_run(options.dataset)
        customer = find_customer(run, options.customer)
        stages, note = stages_of(run)
        explanation, labels = explain_customer(run, customer, stages, options.k)
    except UnknownCustomer as error:
        return _fail(error, EXIT_USAGE)
    except RecommenderError as error:
        return _fail(error, EXIT_NOTHING_PUBLISHED)
    print("\n".join([*format_customer(run, customer, explanation, labels, note), ""]))
    print("\n".join([*format_list(explanation, labels), ""]))
    print("\n".join(format_kept_away(explanation, labels, stages)))
    return 0


def explain_customer(
    run: NewestRun, customer: Customer, stages: StageSettings, k: int
) -> tuple[Explanation, list[str]]:
    """Recommend to one customer with the published models, and say why.

    Returns:
        The explanation, and (n_articles,) labels by the catalogue positions it speaks of.

    Raises:
        NothingPublished: when another release kept what this one cannot read.
    """
    _say("loading torch, Merlin and the models")
    for kind in (UserWarning, FutureWarning):  # Merlin and Dask warn of running on a CPU
        warnings.simplefilter("ignore", kind)
    import numpy as np

    from recommender.explain.explanation import explain, fit_with_and_without_rules
    from recommender.models.model_files import load_model
    from recommender.models.ranking.rankers import load_ranker

    ranker = load_ranker(run.models_dir / "ranker")
    _check_features(run, ranker.feature_names)
    inputs, model = _inputs(run), load_model(run.models_dir)
    rows = np.flatnonzero(inputs.queries[run.as_of_day].customers == customer.row)
    _say(f"fitting the generators on what was bought before {run.as_of_day}")
    fitted, without_rules = fit_with_and_without_rules(
        run.marts, run.as_of_day, inputs, model, stages, rows, report=_say
    )
    labels = _labels(run.marts.articles_in_order(inputs.catalogue))
    return explain(fitted, ranker, stages.order, k, 0, without_rules), labels


def _labels(articles: pa.Table) -> list[str]:
    """Return the label of each article."""
    columns = (articles[name].to_pylist() for name in (Columns.ARTICLE_ID, Columns.PRODUCT_NAME))
    return [label(article_id, name) for article_id, name in zip(*columns, strict=True)]


def _check_features(run: NewestRun, feature_names: Sequence[str]) -> None:
    from recommender.stages.pair_features import FEATURE_NAMES

    if tuple(feature_names) != FEATURE_NAMES:
        different = ", ".join(sorted(set(feature_names) ^ set(FEATURE_NAMES))) or "their order"
        raise NothingPublished(
            f"run {run.run_id} was made by another version, whose ranker reads other features ({different}); "
            f"`make run DATASET={run.dataset}` makes a new one"
        )


def _inputs(run: NewestRun) -> ModelInputs:
    from recommender.features.model_inputs import UnreadableInputs
    from recommender.weeks.weekly_models import WeeklyModel

    try:
        return WeeklyModel(run.as_of_day, run.models_dir, run.marts).inputs()
    except UnreadableInputs as error:
        raise NothingPublished(f"{error}; `make run DATASET={run.dataset}` makes a new one") from error


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m recommender.explain.command", description="Tell why a customer's published list is as it is."
    )
    parser.add_argument("--customer", help="customer id; by default the first who bought something")
    parser.add_argument("--k", type=_length, default=12, help="how many articles (default: %(default)s)")
    parser.add_argument("--dataset", default=os.environ.get("DATASET") or "demo", help="default: %(default)s")
    return parser.parse_args(arguments)


def _length(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not the length of a list; give a whole number from 1 on")
    return int(text)


def _say(what: str) -> None:
    print(f"... {what}", file=sys.stderr, flush=True)


def _fail(error: Exception, exit_code: int) -> int:
    print(error, file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
