"""Tell a person why a customer is served what they are served.

Stage: beside the published lists, after a run. In: the newest run's report, marts and models. Out: text on the
terminal: who the customer is, each recommendation with its reasons, and what rules and caps kept away.

    python -m recommender.release.explain --dataset demo --customer ID --k 12

Nothing is trained or encoded again: the list comes out of the published models as it did when it was published, so
the first k are the same. torch and Merlin are imported inside the functions: they take seconds, and a mistyped customer
is told at once.

Exit codes: 0 a list was explained, 2 a wrong argument or an unknown customer, 3 no published run can be read.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recommender import config
from recommender.columns import Columns
from recommender.features.warehouse import WarehouseError, read_mart
from recommender.release.newest_run import (
    Customer,
    NewestRun,
    NothingPublished,
    UnknownCustomer,
    find_customer,
    newest_run,
    stages_of,
)

if TYPE_CHECKING:
    from recommender.config import StageSettings
    from recommender.stages.explanation import Barred, Explanation, MovedDown, Recommended

EXIT_USAGE, EXIT_NOTHING_PUBLISHED = 2, 3
PURCHASES_SHOWN, BARRED_SHOWN, MOVED_SHOWN, REASONS_SHOWN = 3, 8, 3, 3
NAME_WIDTH = 30
LABEL_WIDTH = 12 + NAME_WIDTH  # an article id, two spaces, a name
RULES = {
    "never_sold": "never sold",
    "off_sale": "no sale in {on_sale_days} days",
    "out_of_season": "out of season",
    "denied": "denied",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Explain one customer's list; returns the exit code."""
    options = _parse(arguments)
    try:
        run = newest_run(options.dataset)
        customer = find_customer(run, options.customer)
        stages, note = stages_of(run)
        explanation, article_ids = explain_customer(run, customer, stages, options.k)
        names = _product_names(run.marts_dir, article_ids)
    except UnknownCustomer as error:
        return _fail(error, EXIT_USAGE)
    except (NothingPublished, WarehouseError, config.SettingsError) as error:
        return _fail(error, EXIT_NOTHING_PUBLISHED)
    print("\n".join([*format_customer(run, customer, explanation, names, note), ""]))
    print("\n".join([*format_list(explanation, names), ""]))
    print("\n".join(format_kept_away(explanation, names, stages)))
    return 0


def explain_customer(
    run: NewestRun, customer: Customer, stages: StageSettings, k: int
) -> tuple[Explanation, Sequence[str]]:
    """Recommend to one customer with the published models, and tell why.

    Returns:
        The explanation, and (n_articles,) ids by the catalogue positions it speaks of.

    Raises:
        NothingPublished: when the run's ranker reads other features than this version makes.
    """
    _say("loading torch, Merlin and the models")
    for kind in (UserWarning, FutureWarning):  # Merlin and Dask warn of running on a CPU
        warnings.simplefilter("ignore", kind)
    import numpy as np

    from recommender.models.model_files import load_model
    from recommender.models.rankers import load_ranker
    from recommender.stages.explanation import explain, fit_with_and_without_rules
    from recommender.stages.weekly_models import WeeklyModel

    ranker = load_ranker(run.models_dir / "ranker")
    _check_features(run, ranker.feature_names)
    inputs, model = WeeklyModel(run.as_of_day, run.models_dir).inputs(), load_model(run.models_dir)
    _say(f"fitting the generators on what was bought before {run.as_of_day}")
    fitted, without_rules = fit_with_and_without_rules(
        *(run.marts_dir, run.as_of_day, inputs, model, stages),
        customers=lambda queries: np.flatnonzero(queries.customer_ids == customer.customer_id),
        report=_say,
    )
    return explain(fitted, ranker, stages.order, k, 0, without_rules), inputs.catalogue.article_ids


def format_customer(
    run: NewestRun, customer: Customer, explanation: Explanation, names: Sequence[str], settings_note: str
) -> list[str]:
    """Say who it is and what they bought last, as lines."""
    bought = explanation.purchases
    days, articles = (len(set(parts)) for parts in zip(*bought, strict=True)) if bought else (0, 0)
    history = f"{days:,} days with purchases, {articles:,} articles" if bought else "no purchase before"
    lines = [
        f"customer  {customer.customer_id}",
        f"segment   {customer.segment}",
        f"list      from {explanation.as_of_day} on, of run {run.run_id}",
        *([f"settings  {settings_note}"] if settings_note else []),
        f"history   {history}",
    ]
    lines += [f"          {day}  {names[position]}" for day, position in bought[:PURCHASES_SHOWN]]
    return lines + _rest(len(bought) - PURCHASES_SHOWN, "earlier purchases", indent=10)


def format_list(explanation: Explanation, names: Sequence[str]) -> list[str]:
    """Show each recommendation in three lines: what it is, what is known of it, what moved its score."""
    if not explanation.recommended:
        return ["The generators proposed nothing."]
    return [
        f"The best {len(explanation.recommended)} of {explanation.n_candidates:,} candidates, each with its rank "
        "at the generators, what is known of it, and what moved its score most",
        "",
        f"rank    score  {'article':{LABEL_WIDTH}}  proposed by",
        *(
            line
            for rank, article in enumerate(explanation.recommended, 1)
            for line in _format_article(rank, article, names[article.position])
        ),
    ]


def format_kept_away(explanation: Explanation, names: Sequence[str], stages: StageSettings) -> list[str]:
    """Say what the caps and the rules kept from the list, as lines."""
    moved, barred = explanation.moved_down, explanation.barred
    lines = [f"Moved down by the order of the list: {len(moved) or 'nothing'}"]
    lines += [_format_moved(each, names[each.position], stages) for each in moved[:MOVED_SHOWN]]
    lines += _rest(len(moved) - MOVED_SHOWN, "more")
    lines += ["", f"Barred of what was bought before or would have been proposed: {len(barred) or 'nothing'}"]
    lines += [_format_barred(each, names[each.position], stages) for each in barred[:BARRED_SHOWN]]
    rules = Counter(each.rule for each in barred[BARRED_SHOWN:])
    return lines + _rest(rules.total(), "more: " + ", ".join(f"{count:,} {rule}" for rule, count in rules.items()))


def _format_article(rank: int, article: Recommended, name: str) -> list[str]:
    reasons = list(article.contributions.items())[:REASONS_SHOWN]
    moved = ", ".join(f"{feature.replace('_', ' ')} {value:+.2f}" for feature, value in reasons)
    place = "" if article.ranker_rank == rank else f"number {article.ranker_rank} by the ranker's score alone"
    lines = [
        f"{rank:4}  {article.score:7.3f}  {name:{LABEL_WIDTH}}  {_proposers(article)}",
        f"      {_facts(article.features)}",
    ]
    if why := "; ".join(each for each in (moved and f"score: {moved}", place) if each):
        lines.append(f"      {why}")
    return lines


def _proposers(article: Recommended) -> str:
    """Name the generators, and in brackets the two-tower's view of what it did not propose."""
    ranks, two_tower_rank = _ranks(article.generator_ranks), article.features["two_tower_rank"]
    if "two_tower" in article.generator_ranks or math.isnan(two_tower_rank):
        return ranks
    return f"{ranks} (two_tower {two_tower_rank + 1:.0f} of the candidates)"


def _facts(features: Mapping[str, float]) -> str:
    """Put the most telling features into words, in columns; without history price and affinity say nothing."""
    days, since = features["own_purchase_days"], features["own_days_since"]
    own = "never bought" if math.isnan(days) else f"bought {_count(days, 'time')}, {_count(since, 'day')} ago"
    ratio = features["price_to_usual"]
    price = "" if math.isnan(ratio) else f"{math.exp(ratio):4.1f} x usual price"
    best = max(Columns.ARTICLE_ATTRIBUTES, key=lambda name: features[f"affinity_{name}"]).replace("_", " ")
    taste = f"affinity {features['affinity']:+5.1f}, best by {best}" if features["customer_purchase_days"] else ""
    sales, age = features["article_sales_1w"], features["article_age_days"]
    return f"{own:29}{sales:6,.0f} sold last week{age:6,.0f} days old  {price:18}  {taste}".rstrip()


def _format_moved(moved: MovedDown, name: str, stages: StageSettings) -> str:
    if moved.cap is None:
        why = "diversity preferred others"
    else:
        why = f"the list has {stages.order.caps[moved.cap]} of its {moved.cap.replace('_', ' ')}"
    return f"  {name:{LABEL_WIDTH}}  the ranker's number {moved.ranker_rank}: {why}"


def _format_barred(barred: Barred, name: str, stages: StageSettings) -> str:
    why = RULES[barred.rule].format(on_sale_days=stages.filters.on_sale_days)
    bought = f"bought {barred.last_bought}" if barred.last_bought else "never bought"
    ranks = f"; {_ranks(barred.generator_ranks)}" if barred.generator_ranks else ""
    return f"  {name:{LABEL_WIDTH}}  {bought:17}  {why}{ranks}"


def _ranks(generator_ranks: Mapping[str, int]) -> str:
    return ", ".join(f"{generator} {rank}" for generator, rank in generator_ranks.items())


def _rest(count: int, what: str, indent: int = 2) -> list[str]:
    return [f"{'':{indent}}and {count:,} {what}"] if count > 0 else []


def _count(number: float, unit: str) -> str:
    return f"{number:,.0f} {unit}{'' if number == 1 else 's'}"


def _product_names(marts_dir: Path, article_ids: Sequence[str]) -> list[str]:
    """Return each position's article id and product name, cut to the width of a column."""
    articles = read_mart(marts_dir, "articles", [Columns.ARTICLE_ID, Columns.PRODUCT_NAME]).to_pydict()
    names = dict(zip(articles[Columns.ARTICLE_ID], articles[Columns.PRODUCT_NAME], strict=True))
    return [f"{article_id:10}  {names[article_id][:NAME_WIDTH]}" for article_id in article_ids]


def _check_features(run: NewestRun, feature_names: Sequence[str]) -> None:
    from recommender.stages.pair_features import FEATURE_NAMES

    if tuple(feature_names) != FEATURE_NAMES:
        different = ", ".join(sorted(set(feature_names) ^ set(FEATURE_NAMES))) or "their order"
        raise NothingPublished(
            f"run {run.run_id} was made by another version, whose ranker reads other features ({different}); "
            f"`make run DATASET={run.dataset}` makes a new one"
        )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m recommender.release.explain", description="Tell why a customer's published list is as it is."
    )
    parser.add_argument("--customer", help="customer id; by default the first who bought something")
    parser.add_argument("--k", type=_length, default=12, help="how many articles (default: %(default)s)")
    parser.add_argument("--dataset", default=os.environ.get("DATASET") or "demo", help="default: %(default)s")
    return parser.parse_args(arguments)


def _length(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no length of a list; give a number from 1 on")
    return int(text)


def _say(what: str) -> None:
    print(f"... {what}", file=sys.stderr, flush=True)


def _fail(error: Exception, exit_code: int) -> int:
    print(error, file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
