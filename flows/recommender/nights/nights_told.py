"""What the page of operations shows of nights: a table, lines over the nights, and how many went how.

In: nights, oldest first, and the decisions of their runs. Out: rows and Vega-Lite specifications.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from recommender.nights.night_log import Night
from recommender.nights.outcome import ExitCode
from recommender.release.registry import Decision
from recommender.report import card_style as style
from recommender.report.card_style import Spec, Table, is_number, number
from recommender.report.html_page import Linked

HEADER = ["began (UTC)", "minutes", "outcome", "cutoff", "version", "MAP", "alarms", "reason", "card"]
OUTCOMES = {
    ExitCode.PUBLISHED: "published",
    ExitCode.REFUSED: "refused",
    ExitCode.FAILED: "failed",
    ExitCode.TIMED_OUT: "timed out",
}


def night_table(
    nights: Sequence[Night], decisions: Mapping[str, Decision], cards: Collection[str], folder: str
) -> Table:
    """Return a row for each night, the newest first; `cards` are run ids with a card in a folder beside the page."""
    rows = []
    for night in reversed(nights):
        card = Linked("card", f"{folder}/{night.run_id}.html") if night.run_id in cards else ""
        rows.append(
            [
                night.began[:16].replace("T", " "),
                f"{_minutes(night):.1f}",
                outcome(night),
                night.cutoff or style.UNKNOWN,
                night.version or style.UNKNOWN,
                number(served_map(night, decisions)),
                ", ".join(sorted({each.kind.value for each in night.alarms})),
                night.reason.partition(": ")[2] or night.reason,
                card,
            ]
        )
    return rows, HEADER


def charts_of(nights: Sequence[Night], decisions: Mapping[str, Decision]) -> dict[str, Spec]:
    """Return the lines over the nights by name; none before there are two nights to draw."""
    scored = [(night, served_map(night, decisions)) for night in nights]
    scores = [_point(night, value) for night, value in scored if is_number(value)]
    minutes = [_point(night, _minutes(night)) for night in nights]
    charts = {
        "quality by night": _line("MAP of the lists", "In each run's own test week, published or not", scores, ".4f"),
        "minutes by night": _line("Minutes", "From the begin of a night to its end", minutes, ".1f"),
    }
    return {name: spec for name, spec in charts.items() if len(spec["data"]["values"]) > 1}


def tally(nights: Sequence[Night]) -> list[tuple[str, str]]:
    """Return how many of the nights went how, and since when nothing new was published, as facts."""
    if not nights:
        return []
    counts = Counter(map(outcome, nights))
    without = next((n for n, night in enumerate(reversed(nights)) if night.is_published), len(nights))
    facts = [(f"of the last {len(nights)} nights", ", ".join(f"{n} {name}" for name, n in counts.most_common()))]
    return [*facts, ("nights without new lists", f"the last {without}")] if without else facts


def outcome(night: Night) -> str:
    """Return in a word how a night went."""
    return OUTCOMES.get(night.exit_code, f"exit code {night.exit_code}")


def served_map(night: Night, decisions: Mapping[str, Decision]) -> float | None:
    """Return the MAP of a night's lists in its test week; None when its run came to no decision."""
    decision = decisions.get(night.run_id or "")
    return None if decision is None else next(iter(decision.metrics["served"].values()))


def _minutes(night: Night) -> float:
    return (datetime.fromisoformat(night.ended) - datetime.fromisoformat(night.began)).total_seconds() / 60


def _point(night: Night, value: float) -> dict[str, object]:
    return {"began": night.began, "value": value, "outcome": outcome(night)}


def _line(title: str, subtitle: str, points: Sequence[Mapping[str, object]], form: str) -> Spec:
    colour = {"field": "outcome", "type": "nominal", "title": None, "sort": list(OUTCOMES.values())}
    return style.chart(
        title,
        subtitle,
        points,
        height=220,
        encoding={
            "x": {"field": "began", "type": "temporal", "title": None, "axis": {"grid": False, "format": "%d %b"}},
            "y": {
                "field": "value",
                "type": "quantitative",
                "title": None,
                "axis": {"format": form},
                "scale": {"zero": False},
            },
        },
        layer=[
            {"mark": {"type": "line", "strokeWidth": 1, "color": style.GREY}},
            {
                "mark": {"type": "point", "filled": True, "opacity": 1, "size": 50},
                "encoding": {"color": {**colour, "scale": {"range": style.LINE_COLOURS}, "legend": {"orient": "top"}}},
            },
        ],
    )
