"""The page of a planted run, parsed as a browser would: whole, escaped, labelled, and nothing to fetch."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import planted_run
import pytest

from recommender.features.marts import Marts
from recommender.project_paths import DATA_DIR_VARIABLE, reports_dir, run_dir
from recommender.report import report_page
from recommender.report.run_report import write_report

VOID = {"meta", "br", "hr", "img", "link", "input"}
ADDRESSES = {"src", "href", "xlink:href", "data", "action", "srcset"}


class Page(HTMLParser):
    """A page's elements; raises AssertionError when they are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.elements, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        self.text += data

    def of(self, tag: str) -> list[dict]:
        """Attributes of all elements of a kind."""
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(autouse=True)
def data_dir(tmp_path, monkeypatch):
    """A data folder of the test's own."""
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(tmp_path))
    return tmp_path


def leave_run(**changes) -> Path:
    """Leave a planted run as the flow does; returns the folder of its report."""
    report, folder = planted_run.report(**changes), reports_dir("demo")
    write_report(report, folder / "report.json")
    planted_run.write_lists(folder / "test_week_lists.parquet")
    planted_run.write_marts(run_dir("demo", report["run_id"]) / "marts")
    return folder


def read_page(folder: Path) -> Page:
    return Page((folder / "card.html").read_text(encoding="utf-8"))


def test_the_page_has_the_decision_every_model_and_every_name(capsys):
    folder = leave_run()

    assert report_page.main(["--dataset", "demo"]) == 0
    assert capsys.readouterr().out == f"{folder / 'card.html'}\n"
    page = read_page(folder)
    assert "Published: 20,000 customers have new lists; 4 of 5 tests passed; 1 warning: prices." in page.text
    for name in ("served", "two tower", "popular", "segment popular", "oracle (limit)", *planted_run.NAMES):
        assert name in page.text


def test_warnings_stand_right_behind_the_decision():
    folder = leave_run(warnings=["prices is 0.25 (at least 1)", "<b>novelty</b> is 0.2"])
    report_page.main(["--dataset", "demo"])

    text = " ".join(read_page(folder).text.split())
    assert (
        "1 warning: prices. 2 warnings: to be looked at, and no reason to refuse prices is 0.25 (at least 1) "
        "<b>novelty</b> is 0.2 dataset"
    ) in text


def test_alarms_stand_before_the_warnings_of_tests():
    alarms = [{"kind": "data", "level": "warning", "text": "departments that nobody knew: <b>Garden</b>"}]
    folder = leave_run(alarms=alarms, warnings=["prices is 0.25 (at least 1)"])
    report_page.main(["--dataset", "demo"])

    assert (
        "1 alarm: found outside the tests, and no reason to refuse departments that nobody knew: <b>Garden</b> "
        "1 warning: to be looked at"
    ) in " ".join(read_page(folder).text.split())


def test_without_warnings_the_page_has_no_box_for_them():
    folder = leave_run(warnings=[])
    report_page.main(["--dataset", "demo"])

    assert read_page(folder).of("ul") == []


def test_names_are_escaped():
    folder = leave_run(chosen='"><script>alert(2)</script>')
    report_page.main(["--dataset", "demo"])

    assert read_page(folder).of("script") == []
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in (folder / "card.html").read_text(encoding="utf-8")


def test_nothing_is_fetched():
    folder = leave_run()
    report_page.main(["--dataset", "demo"])
    page = read_page(folder)

    addresses = [value for _, has in page.elements for name, value in has.items() if name in ADDRESSES]
    assert [address for address in addresses if not address.startswith("#")] == []
    assert page.of("link") == page.of("img") == page.of("iframe") == []
    assert re.findall(r"@import|url\((?!#)", (folder / "card.html").read_text(encoding="utf-8")) == []


def test_tables_have_headers_charts_have_labels_and_ids_are_unique():
    folder = leave_run()
    report_page.main(["--dataset", "demo"])
    page = read_page(folder)

    assert page.of("html") == [{"lang": "en"}]
    assert {has["scope"] for has in page.of("th")} == {"col", "row"}
    assert len(page.of("caption")) == len(page.of("table")) > 0
    drawings = page.of("svg")
    assert [has["role"] for has in drawings] == ["img"] * len(drawings) and len(drawings) == 9
    assert drawings[0]["aria-label"] == "The test week: MAP@2 over customers with earlier history, with 95% intervals"
    ids = [has["id"] for _, has in page.elements if "id" in has]
    assert len(ids) == len(set(ids))


def test_headings_step_down_by_one():
    folder = leave_run()
    report_page.main(["--dataset", "demo"])

    levels = [int(tag[1]) for tag, _ in read_page(folder).elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in zip(levels, levels[1:], strict=False))


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "refused", "published": None, "publication_tests": [], "steps": {}},
        {"quality": None, "ranker": None},
        {"quality": {"map": {}, "slices": {"activity": []}}, "behavioral_tests": []},
        {"metrics": {"served": planted_run.metrics_of(None, None)}},
        {"warnings": None, "behavioral_tests": [planted_run.behavior_of_earlier_release("tail", None, None)]},
    ],
    ids=["refused", "older report", "empty slices", "nothing known", "no kinds of tests"],
)
def test_missing_parts_are_left_out(changes):
    folder = leave_run(**changes)

    assert report_page.main(["--dataset", "demo"]) == 0
    decision = "Refused: nothing new is published" if changes.get("verdict") else "Published"
    assert decision in read_page(folder).text


def test_without_the_marts_the_page_has_no_customers_and_says_so(capsys):
    folder = leave_run()
    (run_dir("demo", "17") / "marts" / "purchases.parquet").unlink()

    assert report_page.main(["--dataset", "demo"]) == 0
    [warning] = capsys.readouterr().err.splitlines()
    assert "purchases.parquet is missing" in warning
    assert "A few customers" not in read_page(folder).text


def test_without_a_report_it_says_what_to_do(data_dir, capsys):
    assert report_page.main(["--dataset", "demo"]) == report_page.EXIT_NO_REPORT

    path = data_dir / "reports" / "demo" / "report.json"
    said = f"{path} does not exist: nothing ran for demo yet; `make run DATASET=demo` does\n"
    assert capsys.readouterr().err == said


def test_half_a_report_is_named(capsys):
    (leave_run() / "report.json").write_text('{"run_id": ')

    assert report_page.main(["--dataset", "demo"]) == report_page.EXIT_NO_REPORT
    assert "report.json cannot be read" in capsys.readouterr().err


def test_a_run_gets_its_drawings_for_tracking():
    folder = leave_run()
    report = json.loads((folder / "report.json").read_text())
    drawn = report_page.try_to_write_page(report, folder, Marts(run_dir("demo", "17") / "marts"))

    assert {"models", "learning curves", "scores", "popularity", "step seconds"} <= drawn.charts.keys()
    assert all(svg.startswith("<svg ") for svg in drawn.charts.values())
    assert len(drawn.predictions[0]) == 9
    assert drawn.page == folder / "card.html"
    assert read_page(folder).text


def test_a_failure_to_draw_costs_one_warning_line(capsys):
    folder = leave_run()
    broken = planted_run.report(metrics={})
    marts = Marts(run_dir("demo", "17") / "marts")

    assert report_page.try_to_write_page(broken, folder, marts) == report_page.Drawn()
    assert report_page.try_to_tell(broken, folder / "test_week_lists.parquet", marts) == []
    page, card = capsys.readouterr().err.splitlines()
    assert page.startswith("The run's page could not be drawn: ValueError: ")
    assert card.startswith("The step's card could not be made: ValueError: ")
