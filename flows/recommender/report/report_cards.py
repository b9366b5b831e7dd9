"""What a run's cards say, in the order in which people ask: did it pass, how good is it, what was tested, for whom.

Stage: beside the steps that decide something, and once more at the end of a run. In: a report as report.json holds
it, and the test week as people look at it. Out: sections of plain text, charts and tables. The flow puts them on
Metaflow's cards, `report_page` makes one HTML page of them, `tracking` keeps charts and panel.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recommender.evaluation.offline_metrics import ALL_CUSTOMERS
from recommender.report import card_charts, card_tables, list_charts
from recommender.report.card_charts import metric_label
from recommender.report.card_style import Spec, Table, number, readable
from recommender.report.suite_results import kinds_of_tests
from recommender.report.week_at_a_glance import Purchase, Recommendation, ShownCustomer, WeekAtAGlance
from serving.customer_mask import HIDDEN

HIT_MARK = "✓ bought"
NAME_UNKNOWN = "(name unknown)"
PURCHASES_SHOWN = 12
WHAT_IS_TESTED = (
    "A rule is kept or broken. A comparison holds the lists against references that were made on the same data. A "
    "change is measured against the weeks or nights before. With an interval, a test fails only when all of it lies "
    "on the wrong side."
)


@dataclass(frozen=True)
class NamedTable:
    """A table, `(rows, header)`, and what it shows."""

    caption: str
    table: Table


@dataclass(frozen=True)
class Section:
    """A part of a card: a heading, a sentence, charts by name, tables; `level` 3 belongs to the level 2 before it.

    The tables of a section that `is_folded` tell what its charts show: a page may show them on request only.
    """

    title: str
    text: str = ""
    charts: Mapping[str, Spec] = field(default_factory=dict)
    tables: Sequence[NamedTable] = ()
    level: int = 2
    is_folded: bool = False


def sections(report: Mapping[str, Any], week: WeekAtAGlance | None) -> list[Section]:
    """Return all that a run's card shows below its decision.

    `report` as from `run_report.build_report`, also before anything was published; `week` None when the lists of
    the test week cannot be read. What is not known has no section.
    """
    customers = [_customer_section(number, each) for number, each in enumerate(week.customers, 1)] if week else []
    return [
        _metric_section(report),
        _test_section(report),
        *_slice_section(report),
        *([_list_section(week)] if week else []),
        *([_sample_section(week), *customers] if customers else []),
        _training_section(report),
        *([_cost_section(report["steps"])] if report["steps"] else []),
    ]


def prediction_panel(customers: Sequence[ShownCustomer]) -> Table:
    """Lay out sample customers in one table: last purchases and recommendations with names, one row an article."""
    rows = []
    for each in customers:
        for bought in each.last_purchases:
            rows.append([each.name, "bought before", bought.day.isoformat(), *_article(bought), "", ""])
        for one in each.recommendations:
            hit = "yes" if one.is_bought else "no"
            rows.append([each.name, "recommended", str(one.rank), *_article(one), number(one.score), hit])
    return rows, ["customer", "what", "day or rank", "article_id", "product", "score", "bought in the week"]


def _metric_section(report: Mapping[str, Any]) -> Section:
    metrics, test = report["metrics"], report["windows"]["test"]
    intervals = report.get("quality", {}).get("map")
    return Section(
        "How good it is",
        f"Lists made on {test['start']}, judged by what was bought until {test['end']}. A star marks the best of a "
        "column; an interval of a difference without 0 in it says that the two differ.",
        {"models": card_charts.model_comparison(metrics, intervals)},
        [
            NamedTable("Customers with earlier history", card_tables.metric_table(metrics, "", intervals)),
            NamedTable("All customers of the week", card_tables.metric_table(metrics, ALL_CUSTOMERS)),
        ],
    )


def _slice_section(report: Mapping[str, Any]) -> Iterator[Section]:
    """Yield the section of the slices, if there are any: the report's own, and those that tests measured."""
    metrics = report["metrics"]
    own = card_tables.map_name(metrics)
    everybody = {
        f"{readable(model)}, everybody": metrics[model].get(f"{own}{ALL_CUSTOMERS}")
        for model in ("popular", "served")
        if model in metrics
    }
    charts, tables = {}, []
    for (dimension, metric), rows in _slices(report, own).items():
        name = metric_label(metric)
        title = f"{name[0].upper()}{name[1:]} by {readable(dimension)}"
        references = everybody if metric == own else {}
        charts[f"slices {title}"] = card_charts.slice_chart(title, rows, metric, references)
        tables.append(NamedTable(title, card_tables.slice_table(rows, metric)))
    if charts:
        text = "Activity is the number of days with purchases before the week; cold customers have none."
        yield Section("For whom", text, charts, tables, is_folded=True)


def _slices(report: Mapping[str, Any], own: str) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    """Return the slices by dimension and metric, MAP by one dimension only once, however many tests measured it."""
    found = {(dimension, own): rows for dimension, rows in report.get("quality", {}).get("slices", {}).items() if rows}
    for test in report["behavioral_tests"]:
        of_test: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for row in test["details"].get("slices", []):
            if metric := next((name.removesuffix("_low") for name in row if name.endswith("_low")), None):
                of_test.setdefault((row.get("dimension", test["name"]), metric), []).append(row)
        for (dimension, metric), rows in of_test.items():
            if metric != "map" or (dimension, own) not in found:
                found.setdefault((dimension, metric), rows)
    return found


def _list_section(week: WeekAtAGlance) -> Section:
    return Section(
        "What is shown",
        "A score tells a hit from a miss where the two curves lie apart. Lists that are much more popular than what "
        "is bought show everybody the same bestsellers.",
        {
            "scores": list_charts.score_distribution(week.scores, week.is_bought),
            "popularity": list_charts.popularity_chart(week.counts, week.sales),
        },
    )


def _sample_section(week: WeekAtAGlance) -> Section:
    return Section(
        "A few customers",
        f"{len(week.customers)} customers of the test week, drawn by a hash of their ids, not by how well they are "
        "served. What they bought in the week was not known when the lists were made.",
    )


def _customer_section(place: int, customer: ShownCustomer) -> Section:
    listed = [
        [str(each.rank), *_article(each), number(each.score), HIT_MARK if each.is_bought else ""]
        for each in customer.recommendations
    ]
    hits = sum(each.is_bought for each in customer.recommendations)
    in_week = customer.bought_in_week
    left_out = f" ({PURCHASES_SHOWN} of {len(in_week)} shown)" if len(in_week) > PURCHASES_SHOWN else ""
    tables = [
        NamedTable("Recommended", (listed, ["rank", "article", "product", "score", "in the week"])),
        *_purchase_table("Last purchases before the week", customer.last_purchases),
        *_purchase_table(f"Bought in the week{left_out}", in_week[:PURCHASES_SHOWN]),
    ]
    known = "" if customer.last_purchases else "No purchase before the week. "
    text = f"{known}{hits} of {len(listed)} recommendations were bought. Customer: {customer.name}"
    return Section(f"Customer {place}", text, {}, tables, level=3)


def _purchase_table(caption: str, purchases: Sequence[Purchase]) -> list[NamedTable]:
    rows = [[each.day.isoformat(), *_article(each)] for each in purchases]
    return [NamedTable(caption, (rows, ["day", "article", "product"]))] if rows else []


def _article(each: Purchase | Recommendation) -> list[str]:
    return [each.article_id, each.name or NAME_UNKNOWN]


def _test_section(report: Mapping[str, Any]) -> Section:
    tables = [NamedTable(each.title, card_tables.behavior_table(each.results)) for each in kinds_of_tests(report)]
    misses = [each for test in report["behavioral_tests"] for each in test["details"].get("furthest_misses", [])]
    if misses:
        rows = [[each.get("who", HIDDEN), ", ".join(each["recommended"]), ", ".join(each["bought"])] for each in misses]
        tables.append(NamedTable("The furthest misses", (rows, ["customer", "first recommended", "bought instead"])))
    return Section("What was tested", WHAT_IS_TESTED, {}, tables)


def _training_section(report: Mapping[str, Any]) -> Section:
    candidates = report["candidates"]
    return Section(
        "How the two-towers learned",
        report.get("choice", {}).get("reason", "The best in the validation week is chosen."),
        {"learning curves": card_charts.learning_curves(candidates)},
        [NamedTable("Candidates, the chosen one starred", card_tables.candidate_table(candidates, report["chosen"]))],
    )


def _cost_section(steps: Mapping[str, Mapping[str, float]]) -> Section:
    return Section(
        "What it cost",
        "Steps of one name run in parallel, so their times do not add up to the run's.",
        {"step seconds": card_charts.step_seconds(steps), "step memory": card_charts.step_memory(steps)},
    )
