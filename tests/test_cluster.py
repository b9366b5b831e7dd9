"""What a step asks of a cluster follows from the settings; a branch has its own secrets, and publishes nothing."""

import ast
import copy

import pytest

from recommender.cluster import (
    BRANCH,
    DEPLOYED,
    PUBLISHES,
    TARGETS,
    decorators_of,
    metaflow_variables,
    schedule_of,
    why_not_to_begin,
    why_not_to_publish,
)
from recommender.config import DEFAULT_FILE, read_file
from recommender.settings.cluster import STEP_NAMES


@pytest.fixture
def toml() -> dict:
    """The shipped settings, to be changed."""
    return copy.deepcopy(read_file(DEFAULT_FILE))


def test_the_steps_that_settings_may_name_are_those_of_the_flow():
    flow = ast.parse(DEFAULT_FILE.with_name("recommendation_flow.py").read_text())
    functions = [node for node in ast.walk(flow) if isinstance(node, ast.FunctionDef)]
    steps = [each.name for each in functions if "step" in [getattr(one, "id", "") for one in each.decorator_list]]
    assert steps == list(STEP_NAMES)


def test_a_step_takes_its_own_settings_then_those_of_training_then_those_of_every_task(toml):
    toml["resources"] = {"cpu": 4, "gpu": 1, "memory": 9000}
    toml["cluster"]["task"].update(cpu=1, memory=2000)
    toml["cluster"]["steps"] = {"train": {"memory": 5000}}
    asked = {step: decorators_of(step, toml, "argo", {})["resources"] for step in ("train", "fit_week", "rank")}
    assert asked == {
        "train": {"cpu": 4, "memory": 5000, "gpu": 1},
        "fit_week": {"cpu": 4, "memory": 9000, "gpu": 1},
        "rank": {"cpu": 1, "memory": 2000},
    }


def test_retries_timeout_image_and_nodes_are_settings_of_a_step(toml):
    of_step = {"retries": 3, "minutes_between_retries": 7, "timeout_minutes": 30, "image": "gpu:1"}
    toml["cluster"]["steps"]["train"] = {**of_step, "node_selector": {"pool": "gpu"}}
    toml["cluster"]["image"] = "cpu:1"
    train, rank = (decorators_of(step, toml, "argo", {}) for step in ("train", "rank"))
    assert train["retry"] == {"times": 3, "minutes_between_retries": 7}
    assert train["timeout"] == {"minutes": 30}
    assert (train["kubernetes"]["image"], train["kubernetes"]["node_selector"]) == ("gpu:1", {"pool": "gpu"})
    assert (rank["kubernetes"]["image"], rank["kubernetes"]["node_selector"]) == ("cpu:1", {})


@pytest.mark.parametrize("target", TARGETS)
def test_a_branch_has_secrets_and_state_of_its_own(toml, target):
    toml["cluster"]["environment"] = {"STATE_URL": "s3://shop/state/", "RAW_DIR": "s3://shop/raw"}
    production, branch = (decorators_of("publish", toml, target, {BRANCH: name}) for name in ("", "new_ranker"))
    assert branch["environment"]["vars"]["STATE_URL"] == "s3://shop/state/branches/new_ranker"
    assert production["environment"]["vars"]["STATE_URL"] == "s3://shop/state/"
    assert branch["environment"]["vars"]["RAW_DIR"] == "s3://shop/raw"
    if target == "step-functions":
        assert production["secrets"]["sources"] == ["aws-secrets-manager.recommender"]
        assert branch["secrets"]["sources"] == ["aws-secrets-manager.recommender-new-ranker"]
    else:
        assert production["kubernetes"]["secrets"] == ["recommender"]
        assert branch["kubernetes"]["secrets"] == ["recommender-new-ranker"]


@pytest.mark.parametrize(
    ("branch", "environment", "may"),
    [
        ("user.anna", {}, True),  # `make run`
        ("prod", {DEPLOYED: "token"}, True),
        ("test.new_ranker", {DEPLOYED: "token"}, False),
        ("test.new_ranker", {}, False),  # `run --branch new_ranker`
        ("user.anna", {DEPLOYED: "token"}, False),  # deployed without `make deploy`, neither production nor a branch
        ("test.new_ranker", {DEPLOYED: "token", PUBLISHES: "1"}, True),
        ("test.new_ranker", {DEPLOYED: "token", PUBLISHES: ""}, False),
    ],
)
def test_production_publishes_and_a_branch_only_when_told_to(branch, environment, may):
    reason = why_not_to_publish(branch, environment)
    assert (reason is None) == may
    assert may or branch in reason


def test_only_production_is_scheduled_each_engine_in_its_own_form(toml):
    toml["cluster"]["schedule"] = "30 4 ? * MON-FRI *"
    schedules = {target: schedule_of(toml, target, {}) for target in TARGETS}
    five = "30 4 * * MON-FRI"
    assert schedules == {"argo": five, "step-functions": "30 4 ? * MON-FRI *", "airflow": five}
    assert {schedule_of(toml, target, {BRANCH: "new_ranker"}) for target in TARGETS} == {None}


def test_what_the_settings_leave_empty_stays_as_metaflow_has_it(toml):
    assert metaflow_variables(toml["cluster"]) == {
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_KUBERNETES_NAMESPACE": "default",
    }


@pytest.mark.parametrize(
    ("branch", "environment", "may"),
    [
        ("prod", {DEPLOYED: "token"}, True),
        ("user.anna", {}, True),  # `make run`
        ("test.new_ranker", {BRANCH: "new_ranker"}, True),  # `make deploy BRANCH=new_ranker`
        ("test.new_ranker", {}, False),  # `run --branch new_ranker`
        ("user.anna", {DEPLOYED: "token"}, False),
    ],
)
def test_a_branch_without_a_state_of_its_own_does_not_begin(branch, environment, may):
    reason = why_not_to_begin(branch, environment)
    assert may == (reason is None)
    assert may or branch in reason
