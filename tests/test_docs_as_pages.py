"""README.md and docs/ as `make docs` builds them, and what stands in them as code."""

import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.planted_week import planted_week
from benchmarks.quality import RESULTS_DIR
from benchmarks.report import headline_table, summary
from benchmarks.results import read_results
from benchmarks.scale.report import tables
from recommender.evaluation.behavior.judged_week import JudgedWeek
from recommender.evaluation.behavioral_check import Kind, Measurement, behavioral_check, run_tests
from recommender.project_paths import PROJECT_ROOT

DOCS = PROJECT_ROOT / "docs"
BUILD = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--quiet"]
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class Loaded(HTMLParser):
    """Collects what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name == LOADING.get(tag) and value]


def build(folder: Path, into: Path) -> subprocess.CompletedProcess:
    """Build the pages of a folder as `make docs` does."""
    return subprocess.run([*BUILD, str(folder), str(into)], capture_output=True, text=True)


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> Path:
    """The built pages."""
    into = tmp_path_factory.mktemp("pages")
    built = build(DOCS, into)
    assert (built.returncode, built.stderr) == (0, "")
    return into


def test_make_docs_builds_as_these_tests_do():
    assert f"{' '.join(BUILD[1:])} docs build/docs" in (PROJECT_ROOT / "Makefile").read_text()


def test_every_page_is_built_and_has_a_title(pages):
    for source in DOCS.glob("*.md"):
        assert re.search("<title>.+</title>", (pages / f"{source.stem}.html").read_text())


def test_the_front_page_shows_the_readme_with_its_picture_drawn(pages):
    front = (pages / "index.html").read_text()
    assert "<h2>Quick start" in front and 'src="_images/flow.svg"' in front and "flowchart TB" not in front


def test_pages_load_nothing_from_elsewhere(pages):
    for page in pages.glob("*.html"):
        loaded = Loaded()
        loaded.feed(page.read_text())
        assert [each for each in loaded.addresses if re.match("(https?:)?//", each)] == []
        assert loaded.addresses, "every page has a style sheet"
    styles = "".join(path.read_text() for path in pages.rglob("*.css"))
    assert re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//[^)]*", styles) == []


def test_a_broken_link_is_an_error(tmp_path):
    for name in ("conf.py", "pages.css"):
        shutil.copy(DOCS / name, tmp_path / name)
    links = "[page](nowhere.md) [heading](other.md#no-heading) [file](../nothing.py)"
    (tmp_path / "index.md").write_text(f"# Title\n\n```{{toctree}}\nother\n```\n\n{links}\n")
    (tmp_path / "other.md").write_text("# Other\n")
    built = build(tmp_path, tmp_path / "out")
    assert built.returncode != 0
    assert [name for name in ("nowhere", "no-heading", "nothing") if name not in built.stderr] == []


def test_the_drawn_picture_says_what_the_readmes_does():
    described = re.search(r"```mermaid\n(.*?)```", (PROJECT_ROOT / "README.md").read_text(), flags=re.S)[1]
    labels = re.findall(r"\w+(?:\[\(|\[|\{| \[)([^\[\](){}]+)(?:\)\]|\]|\})", described)
    answers = re.findall(r"-- (\w+) -->", described)
    drawn = ElementTree.parse(DOCS / "flow.svg").iter("{http://www.w3.org/2000/svg}text")
    words = " ".join(text.text for text in drawn).split()
    assert sorted(words) == sorted(" ".join([*labels, *answers]).replace("<br>", " ").split())


def test_the_tables_hold_the_numbers_of_the_benchmark():
    results = read_results(RESULTS_DIR / "quality.json")
    assert headline_table(results) in (PROJECT_ROOT / "README.md").read_text()
    page = (DOCS / "results.md").read_text()
    assert [dataset for dataset in results if summary(results, dataset) not in page] == []


def test_the_page_on_scale_shows_what_was_measured():
    assert tables(read_results(RESULTS_DIR / "scale.json")) in (DOCS / "scale.md").read_text()


def test_the_example_of_a_behavioral_test_works():
    page = (DOCS / "quality.md").read_text()
    blocks = dict(re.findall(r" *```(python|toml)\n(.*?)```", page, flags=re.S))
    code, threshold = (textwrap.dedent(blocks[language]) for language in ("python", "toml"))
    own = (Kind, Measurement, JudgedWeek, behavioral_check)
    names = {"np": np, **{each.__name__: each for each in own}}
    exec("class Family(JudgedWeek):\n" + textwrap.indent(code, "    "), names)
    week = names["Family"](**vars(planted_week(n_customers=300, n_articles=200)))
    (result,) = run_tests(week, tomllib.loads(threshold))
    first = week.lists[:, 0]
    assert result.value == max(np.mean(first == article) for article in first)
    assert (result.name, result.threshold, result.comparison) == ("most_common_first_article", 0.5, "<=")
