"""Whatever its own OpenAPI document allows, and whatever it forbids, the API answers as the document says."""

import pytest
import redis
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection

from recommender.release.publish import PublishedRun, publish
from serving.app import create_app

KEYS = {"API_KEYS": "shop:a-secret", "ADMIN_API_KEY": "of-the-boss"}
OPERATIONS = sorted((path, method) for path, methods in create_app().openapi()["paths"].items() for method in methods)
TAKES_NOTHING = ("/admin/rules", "/departments", "/health/live", "/health/ready", "/metrics")
CASES = [20, pytest.param(1_000, marks=pytest.mark.long)]
"""Of each operation and mode; ten thousand and more in the long run, of the operations that take something."""


@pytest.fixture(scope="module")
def document(tmp_path_factory, start_redis, start_api, planted):
    """The document of an API that serves planted lists."""
    directory = tmp_path_factory.mktemp("openapi") / "redis"
    with start_redis(directory) as server, redis.Redis.from_url(server.url) as client:
        publish(client, planted(1), PublishedRun("demo", "run-1", "model-1", windows={}), lambda *_: None)
        with start_api(directory, **KEYS) as http:
            yield schemathesis.openapi.from_url(f"{http.base_url}/openapi.json", headers={"X-API-Key": "a-secret"})


@pytest.mark.parametrize("n_cases", CASES)
@pytest.mark.parametrize(
    ("path", "method", "mode"),
    [(*each, GenerationMode.POSITIVE) for each in OPERATIONS]
    + [(*each, GenerationMode.NEGATIVE) for each in OPERATIONS if each[0] not in TAKES_NOTHING],
)
def test_every_answer_is_as_the_document_says(document, path, method, mode, n_cases):
    key = "of-the-boss" if path.startswith("/admin") else "a-secret"
    operation = document[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=n_cases, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    def answers_as_documented(case):
        # What is forbidden may be accepted all the same: unknown parameters are ignored, `true` counts as 1.
        case.call_and_validate(headers={"X-API-Key": key}, excluded_checks=[negative_data_rejection])

    answers_as_documented()
