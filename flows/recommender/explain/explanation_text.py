"""An explanation as lines for the terminal.

Stage: below `command`. In: an explanation, whose it is, the settings of the stages, a label for each article. Out:
lines of text that fit a wide terminal.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from recommender.columns import Columns
from recommender.explain.newest_run import Customer, NewestRun

if TYPE_CHECKING:
    from recommender.config import StageSettings
    from recommender.explain.explanation import Barred, Explanation, MovedDown, Recommended

PURCHASES_SHOWN, BARRED_SHOWN, MOVED_SHOWN, REASONS_SHOWN = 3, 8, 3, 3
NAME_WIDTH = 30
LABEL_WIDTH = 12 + NAME_WIDTH  # an article id, two spaces, a name
RULES = {
    "never_sold": "never sold",
    "off_sale": "no sale in {on_sale_days} days",
    "out_of_season": "out of season",
    "denied": "denied",
}


def label(article_id: str, product_name: str) -> str:
    """Return how the lines name an article: by its id and its product's name, cut to the width of a column."""
    return f"{article_id:10}  {product_name[:NAME_WIDTH]}"


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
