"""Results for people: Markdown tables for the README and docs/results.md, and a summary for the terminal.

In: results as `results.write_results` keeps them, by dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.plan import K
from benchmarks.scores import FRESH_RECALL
from benchmarks.weekly_lists import CANDIDATE_SET
from recommender.evaluation.behavior.judged_week import POPULAR
from recommender.model_names import SERVED, TWO_TOWER

MAP, RECALL = f"map@{K}", f"recall@{K}"
SHOWN = (RECALL, f"ndcg@{K}", f"new_recall@{K}", f"repurchase_recall@{K}", "coverage")


def headline_table(results: Mapping[str, Any]) -> str:
    """Lay out MAP@12 of what matters most as Markdown, a row for each dataset."""
    lines = [
        "| dataset | test weeks | served | two-tower alone | best baseline | best sellers |",
        "|---|---|---|---|---|---|",
        *(_headline_row(dataset, of_dataset) for dataset, of_dataset in results.items()),
    ]
    return "\n".join(lines)


def quality_table(results: Mapping[str, Any], dataset: str) -> str:
    """Lay out one dataset's models as Markdown, best MAP@12 first.

    Raises:
        KeyError: when the results hold nothing of the dataset.
    """
    of_dataset = results[dataset]
    windows, models = of_dataset["windows"], of_dataset["models"]
    lines = [
        f"**{dataset}**, {counted(len(windows), 'test week')} from {windows[0]['start']} to {windows[-1]['end']}, "
        f"{of_dataset['customers']:,} lists for customers with earlier purchases, "
        f"{counted(len(of_dataset['seeds']), 'seed')}; in brackets 95% intervals over customers, ± over seeds.",
        "",
        "| model | " + " | ".join([MAP, *SHOWN, f"served minus it, {MAP}"]) + " |",
        "|---|" + "---|" * (len(SHOWN) + 2),
        *(_model_row(name, models[name]) for name in by_map(models)),
    ]
    return "\n".join(lines)


def ablation_table(results: Mapping[str, Any], dataset: str) -> str:
    """Lay out what each stage is worth as Markdown, the most valuable first; empty without ablations."""
    ablations, seed = results[dataset]["ablations"], results[dataset]["seeds"][0]
    if not ablations:
        return ""
    lines = [
        f"**{dataset}**, one stage or generator switched off in turn, seed {seed}:",
        "",
        f"| lists | {MAP} | {RECALL} | served minus it, {MAP} |",
        "|---|---|---|---|",
        *(
            f"| `{name}` | {_number(ablations[name]['metrics'][MAP])} | {_number(ablations[name]['metrics'][RECALL])} "
            f"| {_interval(ablations[name]['served_minus'][MAP], signed=True)} |"
            for name in reversed(by_map(ablations))
        ),
    ]
    return "\n".join(lines)


def slice_table(results: Mapping[str, Any], dataset: str) -> str:
    """Lay out MAP@12 by how active a customer was, and recall on articles of their first week, as Markdown."""
    slices = results[dataset]["slices"]
    rows = {row["slice"]: row["customers"] for row in slices[SERVED]["activity"]}
    n_fresh = slices[SERVED][FRESH_RECALL]["customers"]
    lines = [
        f"**{dataset}**, {MAP} by purchase days before the week; in brackets lists; last column: recall@{K} of "
        "articles first sold in the week before, over customers who bought one.",
        "",
        "| model | "
        + " | ".join(f"{name} ({count:,})" for name, count in rows.items())
        + f" | first week ({n_fresh:,}) |",
        "|---|" + "---|" * (len(rows) + 1),
    ]
    for model, own in slices.items():
        cells = [_number(row[MAP]) for row in own["activity"]]
        lines.append(f"| `{model}` | " + " | ".join(cells) + f" | {_number(own[FRESH_RECALL]['mean'])} |")
    return "\n".join(lines)


def retrieval_line(results: Mapping[str, Any], dataset: str) -> str:
    """Tell how much of what customers bought each generator proposes, and all together, the ceiling of ranking."""
    retrieval = dict(results[dataset]["retrieval"])
    if not retrieval:
        return ""
    ceiling = retrieval.pop(CANDIDATE_SET)
    parts = ", ".join(f"{name} {value:.3f}" for name, value in sorted(retrieval.items(), key=lambda each: -each[1]))
    return f"**{dataset}**, share of what was bought that is proposed: {CANDIDATE_SET} {ceiling:.3f}; {parts}."


def summary(results: Mapping[str, Any], dataset: str) -> str:
    """Return everything about one dataset."""
    parts = [table(results, dataset) for table in (quality_table, ablation_table, slice_table, retrieval_line)]
    return "\n\n".join(part for part in parts if part)


def by_map(models: Mapping[str, Any]) -> list[str]:
    """Return the names of models, best MAP@12 first."""
    return sorted(models, key=lambda name: (-(models[name]["metrics"][MAP] or 0), name))


def _headline_row(dataset: str, of_dataset: Mapping[str, Any]) -> str:
    models, windows, seeds = of_dataset["models"], of_dataset["windows"], of_dataset["seeds"]
    best = next(name for name in by_map(models) if name not in (SERVED, TWO_TOWER))
    served, two_tower, baseline, popular = (
        _interval(models[name]["intervals"][MAP]) for name in (SERVED, TWO_TOWER, best, POPULAR)
    )
    measured = f"{counted(len(windows), 'week')}, {counted(len(seeds), 'seed')}"
    return f"| {dataset} | {measured} | **{served}** | {two_tower} | `{best}` {baseline} | {popular} |"


def _model_row(name: str, model: Mapping[str, Any]) -> str:
    spread = model["std"].get(MAP)
    interval = _interval(model["intervals"][MAP]) + (f" ± {spread:.4f}" if spread is not None else "")
    difference = "" if name == SERVED else _interval(model["served_minus"][MAP], signed=True)
    cells = [interval, *(_number(model["metrics"][metric]) for metric in SHOWN), difference]
    return f"| `{name}` | " + " | ".join(cells) + " |"


def _interval(interval: Mapping[str, float | None], signed: bool = False) -> str:
    low, high = (_number(interval[bound], signed) for bound in ("low", "high"))
    return f"{_number(interval['mean'], signed)} [{low}, {high}]"


def _number(value: float | None, signed: bool = False) -> str:
    return "-" if value is None else f"{value:{'+' if signed else ''}.4f}"


def counted(number: int, thing: str) -> str:
    """Return a number with what it counts, in the plural unless it is 1."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
