"""The API is deployable without the training stack."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from recommender.project_paths import PROJECT_ROOT

TRAINING_STACK = {
    *("torch", "merlin", "nvtabular", "dask", "pandas", "pyarrow", "duckdb", "dbt", "metaflow", "faiss", "comet_ml"),
    *("recommender", "data"),
}


@pytest.mark.parametrize(
    "module",
    [
        "serving.__main__",
        "serving.connection.redis_connection",
        "serving.commands.query",
        "serving.commands.rules",
        "serving.commands.variants",
    ],
)
def test_serving_imports_nothing_of_the_training_stack(module):
    program = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert TRAINING_STACK.isdisjoint(result.stdout.split())


def test_the_cache_contract_and_its_codecs_need_only_numpy():
    codecs = ("list_buckets", "article_facts", "purchase_buckets", "shown_articles")
    imported = ", ".join(f"serving.cache.{name}" for name in codecs)
    program = f"import sys, {imported}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    third_party = {name for name in result.stdout.split() if name not in sys.stdlib_module_names}
    assert {"redis", "fastapi", "pydantic", "starlette"}.isdisjoint(third_party)
    assert {"numpy", "serving"} <= third_party


def test_the_apis_own_lock_has_what_the_api_imports_in_the_versions_it_is_tested_with():
    own, tested = (locked(PROJECT_ROOT / name) for name in ("serving/requirements.txt", "requirements.txt"))
    assert own.items() <= tested.items()
    program = "import sys, serving.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    owners = packages_distributions()
    needed = {owners[name][0].lower().replace("_", "-") for name in result.stdout.split() if name in owners}
    taken_where_it_is = {"cryptography", "cffi", "setuptools"}  # the first two by redis, for TLS revocation checks
    assert needed - {"recommendations-at-reasonable-scale"} - taken_where_it_is <= own.keys()


def locked(path: Path) -> dict[str, str]:
    """Package to version of a lock."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+) ", path.read_text(), flags=re.MULTILINE))
