"""The house: which room may import which, and how large files and folders may be.

An import is anything that `import` names in the product's files, also inside a function.
"""

import ast
import re
import subprocess
import tomllib
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_LINES, MOST_MODULES = 300, 20
ROOMY = {"data": 24}  # one subject, many small sources

FLOW_ROOMS = (
    *("features", "models", "stages", "weeks", "evaluation", "release", "report", "tracking", "explain", "nights"),
)
SERVING_ROOMS = (
    "errors",
    "customer_mask",
    "connection",
    "cache",
    "settings",
    "lookup",
    "logs",
    "http",
    "middlewares",
    "page",
    "server",
    "commands",
)
SERVING_ROOF = {"serving", "serving.app", "serving.lambda_events", "serving.lambda_handler", "serving.__main__"}
FOR_THE_FLOW = {"errors", "customer_mask", "connection", "cache"}
"""The rooms of serving that runs share with the API."""


def module_name(path: str) -> str:
    """Return the dotted name that others import a file by."""
    name = path.removeprefix("flows/").removesuffix(".py").replace("/", ".")
    return name.removesuffix(".__init__")


def product_files() -> list[str]:
    """Return the paths of the product's Python files, tests left out."""
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return sorted(path for path in tracked if not path.startswith("tests/") and (ROOT / path).exists())


FILES = {module_name(path): path for path in product_files()}


def imported_names(source: str) -> set[str]:
    """Return every dotted name that a source imports; `from a import b` may mean a or a.b."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def read_imports() -> dict[str, set[str]]:
    """Return which of the product's modules each imports."""
    sources = {module: (ROOT / path).read_text(encoding="utf-8") for module, path in FILES.items()}
    return {module: (imported_names(source) & FILES.keys()) - {module} for module, source in sources.items()}


IMPORTS = read_imports()


def room_of(module: str) -> tuple[str, str]:
    """Return a module's house and its room there; '' on the ground floor of the flow, settings included, 'roof' on
    top of serving."""
    house, *parts = module.split(".")
    if house == "recommender":
        return house, parts[0] if parts and parts[0] in FLOW_ROOMS else ""
    if house == "serving":
        return house, "roof" if module in SERVING_ROOF else parts[0]
    return (house, "") if house in ("data", "dbt_project", "benchmarks", "deployment") else ("flow", "")


def may_import(importer: str, imported: str) -> bool:
    """Whether one module may know another: only what comes before it in the way the data goes."""
    (house, room), (other_house, other_room) = room_of(importer), room_of(imported)
    if house == other_house == "recommender":
        order = ("", *FLOW_ROOMS)
        both_on_top = {room, other_room} == {"tracking", "explain"}
        return order.index(other_room) <= order.index(room) and not both_on_top
    if house == other_house == "serving":
        order = (*SERVING_ROOMS, "roof")
        return order.index(other_room) <= order.index(room) and (other_room != "commands" or room == "commands")
    if house == other_house:
        return True
    if house == "recommender":
        return other_house in ("data", "dbt_project") or (other_house == "serving" and other_room in FOR_THE_FLOW)
    return house in ("flow", "benchmarks") and other_house in ("recommender", "serving", "data")


def circles(imports: dict[str, set[str]]) -> list[str]:
    """Return the modules that reach themselves, ascending."""

    def reached_from(start: str) -> set[str]:
        seen, to_visit = set(), [start]
        while to_visit:
            for each in imports[to_visit.pop()] - seen:
                seen.add(each)
                to_visit.append(each)
        return seen

    return sorted(module for module in imports if module in reached_from(module))


def test_no_module_imports_itself_by_way_of_others():
    assert circles(IMPORTS) == []


def test_a_circle_would_be_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c"]


def test_every_room_imports_only_rooms_before_it():
    wrong = [f"{a} -> {b}" for a, found in sorted(IMPORTS.items()) for b in sorted(found) if not may_import(a, b)]
    assert wrong == []


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("recommender.models.grid", "recommender.stages.order"),
        ("recommender.config", "recommender.features.catalogue"),
        ("recommender.tracking.comet", "recommender.explain.command"),
        ("recommender.release.publish", "serving.lookup.answers"),
        ("serving.settings", "serving.page.pictures"),
        ("serving.cache.buckets", "serving.app"),
        ("serving.page.views", "serving.commands.query"),
        ("serving.cache.buckets", "recommender.columns"),
        ("data.prepare", "recommender.columns"),
        ("recommender.release.publish", "nightly"),
        ("serving.app", "benchmarks.plan"),
        ("deployment.pin_images", "serving.errors"),
        ("nightly", "deployment.pin_images"),
    ],
)
def test_an_import_of_a_higher_room_would_be_found(importer, imported):
    assert not may_import(importer, imported)


def test_rooms_are_found_by_their_names():
    folders = {module.split(".")[1] for module in FILES if module.startswith("recommender.") and module.count(".") > 1}
    assert folders == {"settings", *FLOW_ROOMS}
    rooms = {room_of(module)[1] for module in FILES if module.startswith("serving")}
    assert rooms == {*SERVING_ROOMS, "roof"}


def test_the_flow_alone_imports_metaflow():
    users = {
        path
        for path in FILES.values()
        if "metaflow" in {name.partition(".")[0] for name in imported_names((ROOT / path).read_text(encoding="utf-8"))}
    }
    assert users == {"flows/recommendation_flow.py"}


def test_no_folder_holds_more_modules_than_one_can_take_in():
    modules = Counter(str(Path(path).parent) for path in FILES.values() if not path.endswith("__init__.py"))
    assert {folder: n for folder, n in modules.items() if n > ROOMY.get(folder, MOST_MODULES)} == {}


def test_no_module_is_longer_than_one_can_take_in():
    lines = {path: (ROOT / path).read_text(encoding="utf-8").count("\n") for path in FILES.values()}
    del lines["flows/recommendation_flow.py"]
    assert {path: n for path, n in lines.items() if n > MOST_LINES} == {}


def function_sizes() -> list[tuple[int, str]]:
    """Return the lines of every function, its docstring left out, with its name, ascending."""
    sizes = []
    for path in FILES.values():
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                has_docstring = ast.get_docstring(node) is not None
                docstring = node.body[0].end_lineno - node.body[0].lineno + 1 if has_docstring else 0
                sizes.append((node.end_lineno - node.lineno + 1 - docstring, f"{path}:{node.name}"))
    return sorted(sizes)


def test_functions_are_short():
    sizes = function_sizes()
    assert sizes[len(sizes) // 2][0] <= 5
    assert sizes[int(len(sizes) * 0.9)][0] <= 16
    assert [each for each in sizes if each[0] > 50] == []


def test_every_room_is_packaged():
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {module_name(path) for path in FILES.values() if path.endswith("__init__.py")}
    assert set(packages) == folders


@pytest.mark.parametrize("word", ["utils", "helpers", "misc", "common"])
def test_no_module_has_a_name_that_says_nothing(word):
    assert [path for path in FILES.values() if re.fullmatch(rf"(.*_)?{word}", Path(path).stem)] == []
