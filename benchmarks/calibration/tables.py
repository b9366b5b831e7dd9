"""The calibration for people: Markdown tables of shops, tests, saboteurs, shops left out, and simulated nights.

In: judged nights and what was calibrated on them. Out: text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.calibration.inputs import NightInputs
from benchmarks.calibration.saboteurs import SABOTEURS
from benchmarks.calibration.thresholds import MINIMUM, Calibrated, LeftOut
from benchmarks.calibration.verdicts import HEALTHY, JudgedNight, fate_of
from recommender.evaluation.result_text import describe_value


def shop_row(night: NightInputs, judged: JudgedNight) -> list[str]:
    """Return what there is to say of a healthy night."""
    scores = {name: next(iter(metrics.values())) for name, metrics in night.metrics.items()}
    baselines = {name: scores[name] for name in night.suite.baselines}
    best = max(baselines, key=baselines.get)
    outcome = f"**refused** by {_names(judged.refused_by)}" if judged.refused_by else "published"
    without = sum(result.passed is None for result in judged.results.values())
    return [
        night.name,
        f"{int(night.suite.is_judged.sum()):,}",
        f"{int(night.suite.is_on_sale.sum()):,}",
        f"{scores['served']:.3f}",
        f"{best} {baselines[best]:.3f}",
        outcome,
        _names(judged.warned_by) or "-",
        str(without),
    ]


def shop_table(rows: Iterable[Sequence[str]]) -> str:
    """Lay out healthy nights."""
    head = ["shop and seed", "judged customers", "articles on sale", "MAP@12", "best baseline", "night", "warned by"]
    return _table([*head, "tests without enough data"], rows)


def test_table(calibrated: Sequence[Calibrated]) -> str:
    """Lay out every comparison: worst healthy and best spoiled value, half-way, and what is shipped."""
    rows = [
        [
            each.test,
            "refuses" if each.is_refusing else "warns",
            ", ".join(f"{fewest} {what}" for what, fewest in each.needs.items()),
            str(each.n_judged),
            f"{each.healthy:.3g} ({each.shop})",
            "-" if each.spoiled is None else f"{each.spoiled:.3g}",
            f"{each.threshold:.3g}",
            f"{'at least' if each.comparison == MINIMUM else 'at most'} {each.shipped:g}",
        ]
        for each in calibrated
    ]
    head = ["test", "a failure", "needs", "nights judged", "worst healthy", "best of its saboteurs"]
    return _table([*head, "half-way", "shipped"], rows)


test_table.__test__ = False  # no test of pytest's


def saboteur_table(nights: Sequence[JudgedNight]) -> str:
    """Lay out which saboteurs were refused where; "by another" is refused, but not by the test made for it."""
    shops = dict.fromkeys(night.shop for night in nights)
    by_place = {(night.saboteur, night.shop): night for night in nights if night.saboteur != HEALTHY}
    rows = [[shop, *(_fate(by_place.get((saboteur, shop))) for saboteur in SABOTEURS)] for shop in shops]
    tests = ["*the test made for it*", *(f"*{made.caught_by}*" for made in SABOTEURS.values())]
    return _table(["shop and seed", *SABOTEURS], [tests, *rows])


def left_out_table(left_out: Iterable[LeftOut]) -> str:
    """Lay out what thresholds that were set without a shop decide of it."""
    rows = [
        [
            each.shop,
            _names(each.refused) or "published",
            *(_names(names) or "-" for names in (each.let_through, each.undecided, each.caught_by_others)),
        ]
        for each in left_out
    ]
    return _table(["shop left out", "healthy", "let through", "let through for lack of data", "caught by others"], rows)


def simulated_table(refused: Mapping[str, Sequence[str]], n_nights: int) -> str:
    """Lay out how many simulated nights of a shop would be refused, and by what."""
    rows = [
        [shop, f"{len(tests)} of {n_nights}", _names(dict.fromkeys(tests)) or "-"] for shop, tests in refused.items()
    ]
    return _table(["shop", "refused", "by"], rows)


def refusals(judged: JudgedNight) -> str:
    """Return the refusing tests of a night with their values, one line."""
    return "; ".join(f"{name} is {describe_value(judged.results[name])}" for name in judged.refused_by)


def _fate(night: JudgedNight | None) -> str:
    return "-" if night is None else fate_of(night).value


def _names(names: Iterable[str]) -> str:
    return ", ".join(name.rpartition(" ")[2] if name.count(" ") == 1 else name for name in names)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
