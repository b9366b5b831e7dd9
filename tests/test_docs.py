"""README.md and docs/: what they tell people to type exists, and what exists for people to type is in them."""

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from recommender.project_paths import PROJECT_ROOT
from serving.settings import Settings

DOCS = PROJECT_ROOT / "docs"
PAGES = {path: path.read_text() for path in [PROJECT_ROOT / "README.md", *sorted(DOCS.glob("*.md"))]}
TEXT = "\n".join(PAGES.values())
SETTINGS_PAGE = PAGES[DOCS / "settings.md"]
MAKEFILE = (PROJECT_ROOT / "Makefile").read_text()
TARGETS = set(re.findall(r"^([a-z-]+):.*##", MAKEFILE, flags=re.M)) - {"help"}  # which is what `make` alone does
MAKE_VARIABLES = set(re.findall(r"^([A-Z_]+) \?=", MAKEFILE, flags=re.M))
MOST_BYTES_OF_README = 9_000
CODE = re.compile(r"```.*?```|`[^`]*`", flags=re.S)
READ_OUTSIDE_THE_CODE = {"AWS_ENDPOINT_URL", "PIP_FIND_LINKS"}  # by boto3 and by the Makefile


def commands(program: str) -> list[str]:
    """What follows a program's name wherever the pages show code, to the end of its line or of its backquotes."""
    shown = "\n".join(CODE.findall(TEXT)).replace("\\\n", " ")
    return re.findall(rf"(?:^|[`\s])(?:\.venv/bin/)?{program} ([^`\n]*)", shown)


def test_the_readme_is_short():
    assert len(PAGES[PROJECT_ROOT / "README.md"].encode()) <= MOST_BYTES_OF_README


def test_every_make_command_of_the_pages_exists():
    assert {command.split()[0] for command in commands("make")} <= TARGETS


def test_every_target_is_in_the_pages():
    assert TARGETS - {command.split()[0] for command in commands("make")} == set()


def test_make_alone_lists_every_target():
    listed = subprocess.run(["make"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout
    assert {target for target in TARGETS if f"make {target}" not in listed} == set()


def test_every_variable_of_a_make_command_is_one_of_the_makefile():
    given = {name for command in commands("make") for name in re.findall(r"\b([A-Z_]+)=", command)}
    assert given - MAKE_VARIABLES == set()


def test_every_variable_of_the_makefile_is_on_the_settings_page():
    assert {name for name in MAKE_VARIABLES if f"`{name}`" not in SETTINGS_PAGE} == set()


@cache
def help_of(program: str) -> str:
    """What `--help` of a module or script prints; a flow has one more for its parameters."""
    start = [sys.executable, program] if program.endswith(".py") else [sys.executable, "-m", program]
    kinds = [["--help"], ["run", "--help"]] if program == "flows/recommendation_flow.py" else [["--help"]]
    shown = [subprocess.run([*start, *kind], cwd=PROJECT_ROOT, capture_output=True, text=True) for kind in kinds]
    assert [each.returncode for each in shown] == [0] * len(kinds)
    return "\n".join(each.stdout for each in shown)


@pytest.mark.parametrize("command", sorted(set(commands("python"))))
def test_every_python_command_starts_and_knows_its_options(command):
    words = shlex.split(command)
    program = words[1] if words[0] == "-m" else words[0]
    assert "usage" in help_of(program).lower()
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert {option for option in options if option not in help_of(program)} == set()


def test_every_file_that_is_named_exists():
    paths = re.findall(r"\b(?:benchmarks|dbt_project|docs|flows|serving|tests)/[\w./-]*", "".join(CODE.findall(TEXT)))
    paths += re.findall(r"\bdata/\w+\.py\b", TEXT)  # what else lies there is written by runs
    assert {path for path in paths if not (PROJECT_ROOT / path).exists()} == set()


def table_rows(page: str) -> dict[str, str]:
    """The defaults of environment variables as the tables of a page have them, by name."""
    rows = re.findall(r"^\| (`[A-Z].*?`) \| (.*?) \|", page, flags=re.M)
    pairs = {}
    for names, defaults in rows:
        each_name = re.findall("`([A-Z_]+)`", names)
        each_default = defaults.split(", ") if len(each_name) > 1 and ", " in defaults else [defaults] * len(each_name)
        pairs |= dict(zip(each_name, each_default, strict=True))
    return pairs


def variables_of_the_code() -> set[str]:
    """Every environment variable that flows, serving or data read; those of the API from its settings."""
    rooms = (PROJECT_ROOT / name for name in ("flows", "serving", "data"))
    sources = [path.read_text() for room in rooms for path in room.rglob("*.py")]
    read = r'environ(?:\.get\(|\[)"([A-Z_]+)"(?!\] =)'
    named = r'(?:VARIABLE = |"(?:online-retail|kaggle-hm)": )"([A-Z_]+)"'
    found = {name for source in sources for name in re.findall(f"{read}|{named}", source)}
    return {name for pair in found for name in pair if name} | {name.upper() for name in Settings.__dataclass_fields__}


def test_the_settings_page_has_exactly_the_variables_that_are_read():
    assert set(table_rows(SETTINGS_PAGE)) == variables_of_the_code() | READ_OUTSIDE_THE_CODE


@pytest.mark.parametrize("name", Settings.__dataclass_fields__)
def test_the_settings_page_has_the_apis_defaults(name):
    match getattr(Settings(), name):
        case True:
            shown = "`on`"
        case int() | float() as number:
            shown = f"`{number:g}`"
        case default:
            shown = f"`{default}`" if default else "not set"
    assert table_rows(SETTINGS_PAGE)[name.upper()] == shown


def test_the_help_of_the_api_has_the_same_variables():
    named = set(re.findall(r"^    ([A-Z_]+)  ", help_of("serving"), flags=re.M))
    assert named == {name.upper() for name in Settings.__dataclass_fields__} | {"REDIS_URL", "EMBEDDED_REDIS_DIR"}


def anchors(page: str) -> set[str]:
    """The anchors that code hosts give to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page, flags=re.S), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links() -> list[tuple[Path, str]]:
    """Every link of every page that leads to a file or a heading."""
    return [(page, link) for page, text in PAGES.items() for link in re.findall(r"\]\(((?!https?://)[^)]+)\)", text)]


@pytest.mark.parametrize(("page", "link"), [pytest.param(*each, id=f"{each[0].stem}-{each[1]}") for each in links()])
def test_every_link_leads_to_a_file_and_to_a_heading(page, link):
    name, _, anchor = link.partition("#")
    path = (page.parent / name).resolve() if name else page
    assert path.exists()
    assert not anchor or anchor in anchors(PAGES[path])


def test_the_readme_links_to_every_page():
    linked = {link.partition("#")[0] for page, link in links() if page.name == "README.md"}
    pages = {path.relative_to(PROJECT_ROOT).as_posix() for path in PAGES if path.name not in ("README.md", "index.md")}
    assert pages - linked == set()
