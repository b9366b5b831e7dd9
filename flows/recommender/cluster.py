"""What the steps of the flow ask of Argo, AWS Step Functions or Airflow, and what a branch may do there.

Stage: below all rooms. In: the settings, and the environment in which `make deploy` writes a deployment or in which a
task of it runs. Out: names of Metaflow's decorators with their arguments, and variables for Metaflow.

A deployment is production's or that of a branch. A branch gets secrets of its own, by another name, and a folder of its
own below STATE_URL, and it ends before it publishes unless it was told to.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from recommender.settings.cluster import CLUSTER, ENVIRONMENT, STEPS, TASK, TRAINING_STEPS
from recommender.state_files import OWN_FOLDER, STATE_VARIABLE

PROJECT = "recommendations"
TARGETS = ("argo", "step-functions", "airflow")
TARGET, BRANCH, PUBLISHES = "RECOMMENDER_TARGET", "RECOMMENDER_BRANCH", "RECOMMENDER_BRANCH_PUBLISHES"
"""Environment variables of a deployment and its tasks: the engine; the branch, empty for production; "1" if it may."""

DEPLOYED_FLOW = f"{PROJECT}.prod.RecommendationFlow"
"""Metaflow's name for production."""
DEPLOYED = "METAFLOW_PRODUCTION_TOKEN"
"""Environment variable that Metaflow sets in the tasks of every deployment."""

CONFIG = "METAFLOW_FLOW_CONFIG_VALUE"
"""Environment variable by which a task finds the settings in the code package; Metaflow's Airflow export lacks it."""

Table = Mapping[str, Any]


def why_not_to_publish(branch: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return why a run may not publish, None if it may: a person's own run, production's, or a branch told to.

    Args:
        branch: Metaflow's name for it: `prod`, `test.<branch>` or `user.<name>`.
        environment: of the task.
    """
    if not is_test(branch, environment) or environment.get(PUBLISHES) == "1":
        return None
    return (
        f"branch {branch} is not production, so nothing was published; the card of test_behavior shows what it would "
        "have been. A branch with a Redis of its own may publish there: make deploy BRANCH=... PUBLISH=1"
    )


def why_not_to_begin(branch: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return why a run may not begin, None if it may: a branch that `make deploy` did not give a state of its own.

    It would leave its report and its decision where those of the lists are that shoppers see.

    Args:
        branch: as in `why_not_to_publish`.
        environment: of the task.
    """
    if not is_test(branch, environment) or environment.get(BRANCH):
        return None
    return (
        f"branch {branch} has no folder of its own, so its report and decision would stand among production's: "
        "make deploy TARGET=... BRANCH=... gives it one; to try something on this machine, leave --branch out and set "
        "RECOMMENDER_DATA_DIR to an empty folder"
    )


def is_test(branch: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a run is neither production's nor a person's own."""
    return branch.startswith("test.") or (DEPLOYED in environment and branch.startswith("user."))


def schedule_of(toml: Table, target: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the cron expression of production in the target's form; None for a branch, which a person starts."""
    if environment.get(BRANCH):
        return None
    schedule = toml[CLUSTER]["schedule"]
    return schedule if target == "step-functions" else " ".join(schedule.split()[:5]).replace("?", "*")


def decorators_of(
    step: str, toml: Table, target: str, environment: Mapping[str, str] = os.environ
) -> dict[str, dict[str, Any]]:
    """Return the decorators that a step needs on a target, with their arguments."""
    task, branch = asked_by(step, toml), environment.get(BRANCH, "")
    asked = {"cpu": task["cpu"], "memory": task["memory"], **({"gpu": task["gpu"]} if task["gpu"] else {})}
    return {
        "resources": asked,
        "retry": {"times": task["retries"], "minutes_between_retries": task["minutes_between_retries"]},
        "timeout": {"minutes": task["timeout_minutes"]},
        "environment": {"vars": _variables(toml[CLUSTER], target, environment)},
        **(_batch if target == "step-functions" else _kubernetes)(toml[CLUSTER], task, asked, branch),
    }


def metaflow_variables(cluster: Table) -> dict[str, str]:
    """Return the environment in which Metaflow writes a deployment; what the settings leave empty is not in it."""
    variables = {
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_DATASTORE_SYSROOT_S3": cluster["datastore"],
        "METAFLOW_KUBERNETES_NAMESPACE": cluster["kubernetes_namespace"],
        "METAFLOW_KUBERNETES_SERVICE_ACCOUNT": cluster["kubernetes_service_account"],
        "METAFLOW_BATCH_JOB_QUEUE": cluster["batch_queue"],
        "METAFLOW_ECS_S3_ACCESS_IAM_ROLE": cluster["batch_role"],
        "METAFLOW_SFN_IAM_ROLE": cluster["step_functions_role"],
        "METAFLOW_SFN_DYNAMO_DB_TABLE": cluster["dynamo_table"],
        "METAFLOW_EVENTS_SFN_ACCESS_IAM_ROLE": cluster["events_role"],
    }
    return {name: value for name, value in variables.items() if value}


def secret_names(names: list[str], branch: str) -> list[str]:
    """Return the names of a deployment's secrets: a branch's end with its name, so that none is production's."""
    return [f"{name}-{branch.replace('_', '-')}" if branch else name for name in names]


def asked_by(step: str, toml: Table) -> dict[str, Any]:
    """Return what a task of a step asks for, as [cluster.task] names it."""
    of_training = toml["resources"] if step in TRAINING_STEPS else {}
    return {**toml[CLUSTER][TASK], **of_training, **toml[CLUSTER].get(STEPS, {}).get(step, {})}


def _variables(cluster: Table, target: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of every task, none of them a secret."""
    branch, given = environment.get(BRANCH, ""), dict(cluster.get(ENVIRONMENT, {}))
    datastore = cluster["datastore"] or environment.get("METAFLOW_DATASTORE_SYSROOT_S3", "")
    given.setdefault(STATE_VARIABLE, f"{datastore.rstrip('/')}/{OWN_FOLDER}")
    if branch:
        given[STATE_VARIABLE] = f"{given[STATE_VARIABLE].rstrip('/')}/branches/{branch}"
    if target == "airflow":
        given[CONFIG] = '{"settings": "kv.settings"}'
    return {**given, TARGET: target, BRANCH: branch, PUBLISHES: environment.get(PUBLISHES, "")}


def _kubernetes(cluster: Table, task: Table, asked: Table, branch: str) -> dict[str, dict[str, Any]]:
    settings = {
        **asked,
        "image": task["image"] or cluster["image"],
        "namespace": cluster["kubernetes_namespace"],
        "secrets": secret_names(cluster["kubernetes_secrets"], branch),
        "node_selector": dict(task["node_selector"]),
    }
    if cluster["kubernetes_service_account"]:
        settings["service_account"] = cluster["kubernetes_service_account"]
    return {"kubernetes": settings}


def _batch(cluster: Table, task: Table, asked: Table, branch: str) -> dict[str, dict[str, Any]]:
    names = secret_names(cluster["aws_secrets"], branch)
    return {
        "batch": {**asked, "image": task["image"] or cluster["image"]},
        "secrets": {"sources": [f"aws-secrets-manager.{name}" for name in names]},
    }
