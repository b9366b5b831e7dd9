"""The cards' charts of the lists themselves: their scores, and how popular what they recommend is.

Stage: beside the steps that decide something. In: scores and counts of the test week. Out: Vega-Lite 5 specifications.
"""

from collections.abc import Mapping

import numpy as np

from recommender.report import card_style as style
from recommender.report.card_style import Spec

N_BINS = 30
OUTLIERS = 0.002  # share of the scores that the outermost bins take in at either end
BOUGHT, NOT_BOUGHT = "bought in the week", "not bought"
POPULARITY_BANDS = {"1–12": 12, "13–50": 50, "51–200": 200, "201–1,000": 1_000, "beyond": np.inf}
UNSOLD = "no sale then"
SOURCE_COLOURS = [style.BLUE, style.GREY, style.DARK]  # three tones, told apart without hue as well


def score_distribution(scores: np.ndarray, is_bought: np.ndarray) -> Spec:
    """Draw how the served scores spread, apart for what was bought in the week and what was not.

    `scores` float (n,) and `is_bought` bool (n,), one for each recommendation; scores that are not finite are left
    out. Each curve holds shares of its own recommendations, so the few that were bought can be compared with the rest.
    """
    is_known = np.isfinite(scores)
    scores, is_bought = scores[is_known], is_bought[is_known]
    rows = []
    if len(scores):
        edges = _edges(scores)
        for name, chosen in ((BOUGHT, scores[is_bought]), (NOT_BOUGHT, scores[~is_bought])):
            counts, _ = np.histogram(np.clip(chosen, edges[0], edges[-1]), edges)
            shares = counts / max(len(chosen), 1)
            middles = (edges[:-1] + edges[1:]) / 2
            rows += [
                {"score": round(float(middle), 5), "share": round(float(share), 5), "outcome": name}
                for middle, share in zip(middles, shares, strict=True)
            ]
    return style.chart(
        "Served scores",
        f"{int(is_bought.sum()):,} of {len(scores):,} recommendations were bought in the week",
        rows,
        height=220,
        mark={"type": "area", "interpolate": "step", "line": True, "fillOpacity": 0.25},
        encoding={
            "x": {"field": "score", "type": "quantitative", "title": "score", "axis": {"grid": False}},
            "y": {
                "field": "share",
                "type": "quantitative",
                "stack": None,
                "title": "share of them",
                "axis": {"format": "%", "tickCount": 5},
            },
            "color": _legend("outcome", [BOUGHT, NOT_BOUGHT], [style.BLUE, style.DARK]),
        },
    )


def popularity_chart(counts: Mapping[str, Mapping[str, int]], sales: Mapping[str, int]) -> Spec:
    """Draw how popular the articles are that are recommended and bought, as shares by rank among the bestsellers.

    Args:
        counts: {source: {article id: how often}}, such as served lists, the popular baseline's and purchases; at
            most three sources.
        sales: {article id: units} of the weeks before, which rank the articles.
    """
    rows, axis = popularity_shares(counts, sales), {"labelAngle": 0}
    return style.chart(
        "Popularity",
        "Where recommended and bought articles stood in the four weeks before",
        rows,
        height=220,
        mark={"type": "bar", "cornerRadiusEnd": 2},
        encoding={
            "x": {"field": "band", "type": "nominal", "sort": None, "title": "rank among bestsellers", "axis": axis},
            "xOffset": {"field": "source", "sort": list(counts)},
            "y": {
                "field": "share",
                "type": "quantitative",
                "title": "share of all",
                "axis": {"format": "%", "tickCount": 5},
            },
            "color": _legend("source", list(counts), SOURCE_COLOURS[: len(counts)]),
        },
    )


def popularity_shares(
    counts: Mapping[str, Mapping[str, int]], sales: Mapping[str, int]
) -> list[dict[str, str | float]]:
    """Return {"source", "band", "share"} for each source and band of popularity; bands that nothing is in are left out.

    An article's rank is 1 for the most units sold, ties by id. Shares of a source sum to 1; a source without counts
    has shares of 0.
    """
    by_sales = sorted(sales, key=lambda article: (-sales[article], article))
    ranks = {article: rank for rank, article in enumerate(by_sales, 1) if sales[article] > 0}
    totals = {source: dict.fromkeys([*POPULARITY_BANDS, UNSOLD], 0) for source in counts}
    for source, of_source in counts.items():
        for article, count in of_source.items():
            totals[source][_band(ranks.get(article))] += count
    bands = [band for band in [*POPULARITY_BANDS, UNSOLD] if any(total[band] for total in totals.values())]
    return [
        {"source": source, "band": band, "share": total[band] / max(sum(total.values()), 1)}
        for source, total in totals.items()
        for band in bands
    ]


def _band(rank: int | None) -> str:
    if rank is None:
        return UNSOLD
    return next(band for band, last in POPULARITY_BANDS.items() if rank <= last)


def _edges(scores: np.ndarray) -> np.ndarray:
    """Return (N_BINS + 1,) edges of equal bins over all but the outermost scores."""
    low, high = np.quantile(scores, [OUTLIERS, 1 - OUTLIERS])
    return np.linspace(low, high if high > low else low + 1.0, N_BINS + 1)


def _legend(field: str, names: list[str], colours: list[str]) -> Spec:
    scale = {"domain": names, "range": colours}
    return {"field": field, "type": "nominal", "title": None, "scale": scale, "legend": {"orient": "top"}}
