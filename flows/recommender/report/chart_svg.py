"""Charts as SVG, drawn by Vega-Lite in this process: no browser, no script, no address to fetch.

In: Vega-Lite specifications as the cards have them. Out: SVG text. vl_convert takes a second to start, so it is
imported when the first chart is drawn.
"""

import re
from html import escape

from recommender.report.card_style import CHART_STYLE, Spec

CHART_WIDTH = 430  # pixels inside the axes: labels stay readable on a phone, which scrolls the rest into view
FONT = "Arial, Liberation Sans, Helvetica, sans-serif"  # of one width, that of the measuring here
PADDING = {"left": 30, "right": 14, "top": 6, "bottom": 6}  # pixels, for readers whose font is wider all the same


def draw(spec: Spec, width: int = CHART_WIDTH) -> str:
    """Return a chart as SVG, `width` pixels inside its axes, on white.

    It is one image with its title and subtitle as label, for people who cannot see it; the marks have none of their
    own.
    """
    import vl_convert

    config = {**CHART_STYLE, "aria": False, "font": FONT}
    framed = {**spec, "width": width, "padding": PADDING, "background": "white", "config": config}
    svg = vl_convert.vegalite_to_svg(framed)
    label = escape(f"{spec['title']['text']}: {spec['title']['subtitle']}")
    opening, rest = svg.split(">", 1)
    return f'{opening} role="img" aria-label="{label}"><title>{label}</title>{rest}'


def with_own_ids(svg: str, prefix: str) -> str:
    """Return an SVG whose ids begin with `prefix`, so that several can stand in one page."""
    prefix = re.sub(r"[^a-z0-9]+", "-", prefix.lower())
    return re.sub(r'(id="|url\(#|href="#)', lambda found: f"{found[0]}{prefix}-", svg)


def file_name(name: str) -> str:
    """Return a chart's name as that of a file.

    >>> file_name("slices by activity")
    'slices_by_activity.svg'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()) + ".svg"
