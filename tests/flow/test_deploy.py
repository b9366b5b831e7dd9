"""What `make deploy` writes for Argo and AWS Step Functions is what they take, and says what the settings say."""

import ast
import json
import re
import shutil
import subprocess

import boto3
import pytest
from deployments import GPU_IMAGE, IMAGE, SECRETS, Deployments, running_account
from hera.workflows import models

from deploy import find_secrets
from recommender.config import DEFAULT_FILE
from recommender.settings.cluster import STEP_NAMES

NAME = "recommendations.prod.RecommendationFlow"
TRAINING = ("train", "fit_week")
MEMORY = {"build_marts": 12288, "publish": 12288}  # MiB; every other step takes 8192
SEVERAL_FIELDS = r"\$\.\['JobId', 'Parameters', 'Index', 'SplitParentTaskId'\]"


@pytest.fixture(scope="module")
def deployments(tmp_path_factory):
    """A folder to deploy from, and an account."""
    with pytest.MonkeyPatch.context() as monkeypatch, running_account(monkeypatch) as (account, endpoint):
        yield Deployments(tmp_path_factory.mktemp("deployments"), account, endpoint)


@pytest.fixture(scope="module")
def argo(deployments):
    """Argo's template and the schedule of it."""
    return [json.loads(path.read_text()) for path in deployments.written("--target", "argo")]


@pytest.fixture(scope="module")
def state_machine(deployments):
    """The state machine and the rule that starts it."""
    return [json.loads(path.read_text()) for path in deployments.written("--target", "step-functions")]


@pytest.fixture(scope="module")
def branch(deployments):
    """Argo's template of a branch, the only file of it."""
    (path,) = deployments.written("--target", "argo", "--branch", "new_ranker")
    return path.name, json.loads(path.read_text())


def containers(template: dict) -> dict[str, dict]:
    """The templates of an Argo workflow that run a step, by the step's name."""
    named = {each["name"].replace("-", "_"): each for each in template["spec"]["templates"] if each.get("container")}
    return {name: each for name, each in named.items() if name in STEP_NAMES}


def variables(container: dict) -> dict[str, str]:
    """The environment of a container."""
    return {each["name"]: each.get("value") for each in container["env"]}


def tasks(states: dict) -> dict[str, dict]:
    """The tasks of a state machine that run a step, those in loops among them."""
    inside = [tasks(state["Iterator"]["States"]) for state in states.values() if "Iterator" in state]
    own = {name: state for name, state in states.items() if name in STEP_NAMES}
    return {name: state for each in [own, *inside] for name, state in each.items()}


def test_a_secret_is_found_as_json_writes_it_too():
    secret = {"REDIS_URL": 'redis://:quote"back\\slash-ä@host'}
    assert find_secrets(json.dumps({"value": secret["REDIS_URL"]}), secret) == ["REDIS_URL"]
    assert find_secrets(json.dumps({"value": secret["REDIS_URL"]}, ensure_ascii=False), secret) == ["REDIS_URL"]
    assert find_secrets(json.dumps({"value": "another"}), secret) == []


def test_argos_own_schema_takes_the_template_and_its_schedule(argo):
    template, schedule = argo
    assert models.WorkflowTemplate.model_validate(template).kind == "WorkflowTemplate"
    assert models.CronWorkflow.model_validate(schedule).spec.schedules == ["0 2 * * *"]


def test_argos_own_schema_would_refuse_another_template(argo):
    broken = json.loads(json.dumps(argo[0]))
    broken["spec"]["templates"][0] = {"name": ["a list"]}
    with pytest.raises(ValueError, match="templates"):
        models.WorkflowTemplate.model_validate(broken)


def test_the_schedule_starts_the_template(argo):
    template, schedule = argo
    assert schedule["spec"]["workflowSpec"]["workflowTemplateRef"]["name"] == template["metadata"]["name"]
    assert template["metadata"]["name"] == "recommendations.prod.recommendationflow"
    assert schedule["metadata"]["namespace"] == template["metadata"]["namespace"] == "default"


def test_every_step_is_a_container_of_argos_and_those_that_train_are_fanned_out(argo):
    template, _ = argo
    assert set(containers(template)) == set(STEP_NAMES)
    of_dags = [task for each in template["spec"]["templates"] for task in (each.get("dag") or {}).get("tasks", [])]
    fanned_out = {task["name"]: task["withParam"] for task in of_dags if task.get("withParam")}
    assert fanned_out == {
        "fit-features-foreach-candidate-shares": "{{tasks.fit-features.outputs.parameters.num-splits}}",
        "split-weeks-foreach-job-shares": "{{tasks.split-weeks.outputs.parameters.num-splits}}",
    }


@pytest.mark.parametrize("step", STEP_NAMES)
def test_a_container_of_argos_asks_for_what_the_settings_say(argo, step):
    template = containers(argo[0])[step]
    container, resources = template["container"], template["container"]["resources"]
    assert container["image"] == (GPU_IMAGE if step == "train" else IMAGE)
    assert (resources["requests"]["cpu"], resources["requests"]["memory"]) == ("2.0", f"{MEMORY.get(step, 8192)}.0M")
    assert resources["limits"] == ({"nvidia.com/gpu": "1"} if step in TRAINING else {})
    assert template["activeDeadlineSeconds"] == (43_200 if step in TRAINING else 14_400)
    assert (template.get("retryStrategy") or {}).get("limit") == (None if step == "publish" else 1)
    assert template["nodeSelector"] == ({"pool": "gpu"} if step == "train" else {})
    assert template["serviceAccountName"] == "nights"
    assert [each["secretRef"]["name"] for each in container["envFrom"]] == ["recommender"]
    assert variables(container)["STATE_URL"] == "s3://recommendations/state"


@pytest.mark.parametrize("step", STEP_NAMES)
def test_a_job_of_aws_batch_asks_for_what_the_settings_say(state_machine, step):
    state = tasks(state_machine[0]["States"])[step]["Parameters"]
    asked = {each["Type"]: each["Value"] for each in state["ContainerOverrides"]["ResourceRequirements"]}
    gpu = {"GPU": "1"} if step in TRAINING else {}
    assert asked == {"VCPU": "2", "MEMORY": str(MEMORY.get(step, 8192)), **gpu}
    assert state["Timeout"]["AttemptDurationSeconds"] == (43_200 if step in TRAINING else 14_400)
    assert state["RetryStrategy"]["Attempts"] == (1 if step == "publish" else 2)
    environment = {each["Name"]: each.get("Value") for each in state["ContainerOverrides"]["Environment"]}
    assert environment["STATE_URL"] == "s3://recommendations/state"
    assert environment["RECOMMENDER_TARGET"] == "step-functions"  # whence the task takes the names of its secrets


def test_every_step_is_a_state_and_those_that_train_are_mapped(state_machine):
    machine, rule = state_machine
    assert set(tasks(machine["States"])) == set(STEP_NAMES)
    mapped = {
        name
        for state in machine["States"].values()
        if state["Type"] == "Map"
        for name in tasks(state["Iterator"]["States"])
    }
    assert mapped == set(TRAINING)
    assert rule == {"Name": NAME, "ScheduleExpression": "cron(0 2 * * ? *)"}


def test_airflows_tasks_find_the_settings_and_have_no_more_than_names_of_secrets(deployments):
    """Airflow itself reads the file in a long test."""
    (path,) = deployments.written("--target", "airflow")
    assigned = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Assign)]
    config = ast.literal_eval(next(node.value for node in assigned if node.targets[0].id == "CONFIG"))
    assert config["dag_instantiation_params"]["schedule_interval"] == "0 2 * * *"
    operators = {name: state["operator_args"] for name, state in config["states"].items()}
    assert set(operators) == set(STEP_NAMES)
    for step, operator in operators.items():
        environment = {each["name"]: each["value"] for each in operator["env_vars"]}
        assert environment["METAFLOW_FLOW_CONFIG_VALUE"] == '{"settings": "kv.settings"}'
        assert operator["secrets"] == ["recommender"]
        assert operator["image"] == (GPU_IMAGE if step == "train" else IMAGE)


def validate(machine: dict, path) -> subprocess.CompletedProcess:
    """Let asl-validator read a state machine.

    It knows neither paths of several fields nor a dot before a bracket, which AWS takes and Metaflow writes: the former
    are shortened to the whole, the latter is left out.
    """
    path.write_text(re.sub(SEVERAL_FIELDS, "$", json.dumps(machine)).replace(".[", "["))
    command = ["npx", "--yes", "asl-validator@4.0.0", "--json-path", str(path)]
    return subprocess.run(command, cwd=path.parent, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def needs_asl_validator(tmp_path_factory):
    """Skip where node or its registry is missing."""
    if not shutil.which("npx"):
        pytest.skip("there is no npx for asl-validator: apt-get install npm")
    least = {"StartAt": "end", "States": {"end": {"Type": "Succeed"}}}
    answer = validate(least, tmp_path_factory.mktemp("asl") / "least.json")
    if answer.returncode != 0:
        pytest.skip(f"asl-validator cannot be installed here: {answer.stderr.strip()[-200:]}")


@pytest.mark.usefixtures("needs_asl_validator")
def test_the_state_machine_is_amazons_states_language(state_machine, tmp_path):
    answer = validate(state_machine[0], tmp_path / "machine.json")
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.usefixtures("needs_asl_validator")
def test_another_state_machine_would_be_refused(state_machine, tmp_path):
    broken = json.loads(json.dumps(state_machine[0]))
    broken["States"]["rank"]["Next"] = "nowhere"
    answer = validate(broken, tmp_path / "broken.json")
    assert answer.returncode != 0
    assert "nowhere" in answer.stdout + answer.stderr


def test_a_branch_is_deployed_beside_production_without_its_secrets_and_state(branch):
    name, template = branch
    assert name == "argo-new_ranker.json"
    assert template["metadata"]["name"] != "recommendations.prod.recommendationflow"
    assert template["metadata"]["annotations"]["metaflow/branch_name"] == "test.new_ranker"
    for each in containers(template).values():
        assert [one["secretRef"]["name"] for one in each["container"]["envFrom"]] == ["recommender-new-ranker"]
        found = variables(each["container"])
        assert found["STATE_URL"] == "s3://recommendations/state/branches/new_ranker"
        assert found["RECOMMENDER_BRANCH_PUBLISHES"] == ""
        assert "--branch new_ranker" in " ".join(each["container"]["command"])
    assert "metaflow/cron" not in template["metadata"]["annotations"]


def test_a_deployment_that_is_made_is_scheduled_and_that_of_a_branch_stands_beside_it(deployments):
    for options in ([], ["--branch", "new_ranker"]):
        done = deployments.deploy("--target", "step-functions", "--create", *options)
        assert done.returncode == 0, done.stderr
    machines = boto3.client("stepfunctions").list_state_machines()["stateMachines"]
    assert {each["name"] for each in machines} == {NAME, "recommendations.test.new_ranker.RecommendationFlow"}
    rules = boto3.client("events").list_rules()["Rules"]
    assert [(each["Name"], each["ScheduleExpression"]) for each in rules] == [(NAME, "cron(0 2 * * ? *)")]


@pytest.mark.parametrize("target", ["argo", "step-functions", "airflow"])
def test_no_secret_of_the_environment_is_written(deployments, target):
    for path in deployments.written("--target", target):
        text = path.read_text()
        assert [name for name, value in SECRETS.items() if value in text] == []


def test_no_secret_of_metaflows_own_configuration_is_written(deployments, tmp_path):
    headers = {"Authorization": "planted-header"}
    configuration = {"METAFLOW_SERVICE_AUTH_KEY": "planted-key", "METAFLOW_ARGO_EVENTS_WEBHOOK_AUTH": "planted-webhook"}
    (tmp_path / "config.json").write_text(
        json.dumps({**configuration, "METAFLOW_SERVICE_HEADERS": json.dumps(headers)})
    )
    for path in deployments.written("--target", "argo", METAFLOW_HOME=str(tmp_path)):
        assert "planted" not in path.read_text()


def test_a_secret_that_would_be_written_ends_the_deployment(deployments):
    done = deployments.deploy("--target", "argo", "--branch", "leaky", REDIS_URL="s3://recommendations/metaflow")
    assert done.returncode == 1
    assert "REDIS_URL would stand in" in done.stderr
    assert not list(deployments.folder.glob("deploy/argo-leaky*"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--branch", "New"], "BRANCH is 'New'; it takes up to 20 small letters and digits, with single '_'"),
        (["--branch", "new_"], "BRANCH is 'new_'; it takes up to 20 small letters and digits, with single '_'"),
        (["--branch", "two__b"], "BRANCH is 'two__b'; it takes up to 20 small letters and digits, with single '_'"),
        (["--branch", "schedule"], "BRANCH is 'schedule', which names production's schedule; take another name"),
        (["--branch", "run"], "BRANCH is 'run', which is a command of the flow; take another name"),
        (["--publish"], "PUBLISH=1 is for a branch; production publishes by itself"),
        (["--folder", __file__], f"[Errno 17] File exists: '{__file__}'"),
    ],
)
def test_what_cannot_be_deployed_is_told(deployments, options, told):
    done = deployments.deploy("--target", "argo", *options)
    assert (done.returncode, done.stderr) == (1, f"Nothing was deployed: {told}\n")


def test_settings_that_are_not_filled_in_are_named(deployments):
    done = deployments.deploy("--target", "argo", "--settings", str(DEFAULT_FILE))
    lacking = "argo needs [cluster] image, [cluster] datastore: fill them in, in the settings file"
    assert (done.returncode, done.stderr) == (1, f"Nothing was deployed: {lacking}\n")
