"""Sections of text, charts and tables as one HTML page that needs nothing but itself.

Stage: after the report. In: sections as `report_cards` has them, and their charts as SVG. Out: HTML5 text without
scripts and without addresses to fetch; every text is escaped.
"""

from collections.abc import Mapping, Sequence
from html import escape

from recommender.report.chart_svg import with_own_ids
from recommender.report.report_cards import HIT_MARK, NamedTable, Section

LONG_CELL = 40  # characters from which a cell may wrap


class Linked(str):
    """A cell's text that leads to a page beside this one."""

    __slots__ = ("to",)

    def __new__(cls, text: str, to: str) -> "Linked":
        """Return the text, which knows where it leads: an address relative to the page."""
        linked = super().__new__(cls, text)
        linked.to = to
        return linked


STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem 1rem 3rem; max-width: 76rem; background: #fff; color: #1d2430;
       font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .25rem; padding-top: .75rem; border-top: 1px solid #c5ccd6; }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .25rem; }
p { margin: .25rem 0 .75rem; max-width: 46rem; overflow-wrap: anywhere; }
.decision { font-size: 1.15rem; font-weight: 600; padding: .6rem .9rem; max-width: none;
            border-left: .4rem solid #2f6db5; background: #f1f6fc; }
.refused { border-color: #a33b00; background: #fdf3ec; }
.warnings { padding: .6rem .9rem; margin: .75rem 0; border-left: .4rem solid #b58900; background: #fdf8e6; }
.warnings p { font-weight: 600; margin: 0; }
.warnings ul { margin: .25rem 0 0; padding-left: 1.25rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .5rem 1.5rem; margin: 1rem 0; }
dt { font-size: .85rem; color: #4b5563; }
dd { margin: 0; overflow-wrap: anywhere; }
.parts { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; align-items: flex-start; }
summary { cursor: pointer; font-weight: 600; padding: .25rem 0; }
figure, .table { margin: .5rem 0; max-width: 100%; overflow-x: auto; }
figure { flex: 0 1 35rem; }
svg { display: block; max-width: 100%; min-width: 30rem; height: auto; }
.role-mark text { paint-order: stroke; stroke: #fff; stroke-width: 3px; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { text-align: left; padding: .2rem .9rem .2rem 0; border-bottom: 1px solid #e6e9ed; vertical-align: top;
         white-space: nowrap; font-weight: 400; }
thead th { border-bottom: 2px solid #a9b4c2; font-weight: 600; }
td.long { white-space: normal; min-width: 16rem; }
tbody th { position: sticky; left: 0; background: #fff; }
tbody th.long { white-space: normal; overflow-wrap: anywhere; min-width: 9rem; max-width: 14rem; }
tr.hit > * { background: #e3f0fd; font-weight: 600; }
@media (max-width: 40rem) { td.long { min-width: 32rem; } }
@media (min-width: 60rem) {
  .first-beside-rest { display: grid; grid-template-columns: max-content 1fr; grid-template-rows: auto 1fr; }
  .first-beside-rest > :first-child { grid-row: span 2; }
}
"""


def page(
    title: str,
    decision: str,
    is_passed: bool,
    to_look_at: Sequence[tuple[str, Sequence[str]]],
    facts: Sequence[tuple[str, str]],
    parts: Sequence[Section],
    svgs: Mapping[str, str],
) -> str:
    """Return the whole page: title, decision, what is to be looked at, facts as names and values, then the parts.

    `svgs` has a drawing for every chart of the parts, by its name.
    """
    heading = escape(title)
    body = [
        f"<h1>{heading}</h1>",
        f'<p class="decision{"" if is_passed else " refused"}">{escape(decision)}</p>',
        *(line for kind in to_look_at for line in _warnings(*kind)),
        "<dl>",
        *(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts),
        "</dl>",
        *(_section(part, svgs) for part in parts),
    ]
    head = '<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">'
    head += f"\n<title>{heading}</title>\n<style>{STYLE}</style>"
    content = "\n".join(body)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n'
        f"<body>\n<main>\n{content}\n</main>\n</body>\n</html>\n"
    )


def _warnings(title: str, lines: Sequence[str]) -> list[str]:
    listed = [f"<li>{escape(each)}</li>" for each in lines]
    return ['<div class="warnings">', f"<p>{escape(title)}</p>", "<ul>", *listed, "</ul>", "</div>"]


def _section(part: Section, svgs: Mapping[str, str]) -> str:
    figures, tables = [_figure(name, svgs[name]) for name in part.charts], [_table(each) for each in part.tables]
    kind = "parts" if part.level == 2 else "parts first-beside-rest"
    pieces = [
        f"<h{part.level}>{escape(part.title)}</h{part.level}>",
        f"<p>{escape(part.text)}</p>" if part.text else "",
        _together(kind, figures if part.is_folded else [*figures, *tables]),
    ]
    if part.is_folded and tables:
        pieces.append(f"<details>\n<summary>The numbers</summary>\n{_together(kind, tables)}\n</details>")
    return "\n".join(piece for piece in pieces if piece)


def _together(kind: str, shown: Sequence[str]) -> str:
    return "\n".join([f'<div class="{kind}">', *shown, "</div>"]) if shown else ""


def _figure(name: str, svg: str) -> str:
    """Return a chart that can be scrolled where the screen is narrower than what can be read, with the keys as well."""
    return f'<figure tabindex="0">{with_own_ids(svg, name)}</figure>'


def _table(named: NamedTable) -> str:
    rows, header = named.table
    caption = escape(named.caption)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = "\n".join(_row(row) for row in rows)
    return (
        f'<div class="table" tabindex="0" role="region" aria-label="{caption}">\n<table>\n'
        f"<caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def _row(cells: Sequence[str]) -> str:
    first, *others = cells
    marked = ' class="hit"' if HIT_MARK in others else ""
    rest = "".join(f"<td{_kind(cell)}>{_text(cell)}</td>" for cell in others)
    return f'<tr{marked}><th scope="row"{_kind(first)}>{_text(first)}</th>{rest}</tr>'


def _text(cell: str) -> str:
    return f'<a href="{escape(cell.to)}">{escape(cell)}</a>' if isinstance(cell, Linked) else escape(cell)


def _kind(cell: str) -> str:
    return ' class="long"' if len(cell) > LONG_CELL else ""
