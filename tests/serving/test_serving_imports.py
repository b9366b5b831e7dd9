"""The API is deployable without the training stack."""

import subprocess
import sys

import pytest

TRAINING_STACK = {
    *("torch", "merlin", "nvtabular", "dask", "pandas", "pyarrow", "duckdb", "dbt", "metaflow", "faiss", "comet_ml"),
    *("recommender", "data"),
}


@pytest.mark.parametrize("module", ["serving.__main__", "serving.query", "serving.redis_connection"])
def test_serving_imports_nothing_of_the_training_stack(module):
    program = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert TRAINING_STACK.isdisjoint(result.stdout.split())


def test_the_cache_contract_needs_only_numpy():
    program = "import sys, serving.cache_contract; print(*{name.partition('.')[0] for name in sys.modules})"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    third_party = {name for name in result.stdout.split() if name not in sys.stdlib_module_names}
    assert {"redis", "fastapi", "pydantic", "starlette"}.isdisjoint(third_party)
    assert {"numpy", "serving"} <= third_party
