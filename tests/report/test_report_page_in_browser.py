"""The page of a planted run as people see it: drawn, readable, and within the window of a desktop and of a phone."""

import planted_run
import pytest
from headless_browser import DESKTOP, PHONE, WIDER_THAN_THE_WINDOW, is_blank, visit

from recommender.report import report_page

CHARTS = 9
OVERLAPS = """() => [...document.querySelectorAll('svg')].flatMap(svg => {
  const texts = [...svg.querySelectorAll('text')].filter(text => text.textContent.trim());
  const boxes = texts.map(text => text.getBoundingClientRect());
  return texts.flatMap((text, i) => texts.slice(0, i).filter((_, j) =>
    Math.min(boxes[i].right, boxes[j].right) - Math.max(boxes[i].left, boxes[j].left) > 1 &&
    Math.min(boxes[i].bottom, boxes[j].bottom) - Math.max(boxes[i].top, boxes[j].top) > 1
  ).map(other => text.textContent + ' / ' + other.textContent));
})"""
CUT_OFF = """() => [...document.querySelectorAll('svg')].flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(text => {
    const box = text.getBoundingClientRect();
    return box.left < frame.left || box.right > frame.right || box.top < frame.top || box.bottom > frame.bottom;
  }).map(text => text.textContent);
})"""
TITLES = """() => [...document.querySelectorAll('svg')].map(svg => {
  const box = svg.querySelector('.role-title-text text')?.getBoundingClientRect();
  return box && box.width > 0 && box.height > 0 ? svg.querySelector('.role-title-text text').textContent : '';
})"""
AXES_OF_NUMBERS_WITHOUT_TITLE = """() => [...document.querySelectorAll('svg .role-axis')].filter(axis => {
  const labels = [...axis.querySelectorAll('.role-axis-label text')].map(text => text.textContent);
  const areNumbers = labels.length && labels.every(label => /^[−-]?[0-9.,]+%?$/.test(label));
  return areNumbers && !axis.querySelector('.role-axis-title text')?.textContent;
}).map(axis => axis.closest('svg').getAttribute('aria-label'))"""
MOVE_A_LABEL = """() => {
  const [one, other] = document.querySelectorAll('svg .role-axis-label text');
  other.setAttribute('transform', one.getAttribute('transform'));
}"""


def _crowded_report():
    """A run whose reference lines lie at the edges and whose learning curves are many."""
    metrics = {"popular": 0.01, "two_tower": 0.19, "served": 0.29, "oracle": 0.3}
    candidates = [planted_run.candidate(name, [0.125, 0.18, 0.207], 3) for name in ("base", "wide", "sampled", "loyal")]
    slices = [planted_run.slice_row(f"{n}-{n + 4} purchases", 9_000, 0.1, 0.05, 0.15) for n in range(0, 20, 5)]
    return planted_run.report(
        metrics={name: planted_run.metrics_of(map_, 0.5) for name, map_ in metrics.items()},
        candidates=candidates,
        quality={"map": {}, "slices": {"activity": slices}},
    )


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    lists, marts = planted_run.write_lists(folder / "lists.parquet"), planted_run.write_marts(folder / "marts")
    report_page.write_page(_crowded_report(), lists, marts, folder / "card.html")
    return (folder / "card.html").as_uri()


@pytest.fixture(scope="module", params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def visited(request, browser, address):
    with visit(browser, address, request.param) as opened:
        opened.page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        yield opened


def test_the_page_is_not_blank(visited):
    assert not is_blank(visited.page.screenshot(full_page=True))


def test_no_chart_is_blank(visited):
    charts = visited.page.locator("figure")
    assert charts.count() == CHARTS
    assert [place for place in range(CHARTS) if is_blank(charts.nth(place).screenshot())] == []


def test_every_chart_has_a_title_and_its_numbers_a_unit(visited):
    assert all(visited.page.evaluate(TITLES))
    assert visited.page.evaluate(AXES_OF_NUMBERS_WITHOUT_TITLE) == []


def test_no_text_of_a_chart_lies_over_another_or_is_cut_off(visited):
    assert visited.page.evaluate(OVERLAPS) == []
    assert visited.page.evaluate(CUT_OFF) == []


def test_nothing_is_wider_than_the_window(visited):
    assert visited.page.evaluate(WIDER_THAN_THE_WINDOW) == []
    assert visited.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_browser_has_nothing_to_complain_of_and_fetches_nothing(visited, address):
    assert visited.complaints == []
    assert visited.requests == [address]


def test_an_empty_page_counts_as_blank(browser, address):
    with visit(browser, address) as opened:
        opened.page.evaluate("document.body.replaceChildren()")
        assert is_blank(opened.page.screenshot())


def test_overlapping_labels_are_noticed(browser, address):
    with visit(browser, address) as opened:
        opened.page.evaluate(MOVE_A_LABEL)
        assert len(opened.page.evaluate(OVERLAPS)) == 1
