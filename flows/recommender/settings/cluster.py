"""Where `make deploy` has the flow run, and what each of its steps asks for there; see [cluster] in the TOML.

In: the section as a table. Out: one line for each thing that is wrong in it. A laptop reads none of it, so the section
may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

from pydantic import Field

from recommender.settings.kinds import (
    Count,
    CountOrZero,
    KubernetesName,
    Labels,
    NotNegative,
    Retries,
    TextOrNone,
)
from recommender.settings.words import find_wrong_values, one_of, shown

CLUSTER = "cluster"
TABLES = TASK, STEPS, ENVIRONMENT, PRICES = "task", "steps", "environment", "prices"
TRAINING_STEPS = ("train", "fit_week")
"""Those that [resources] is for."""
STEP_NAMES = (
    *("start", "build_marts", "fit_features", "train", "choose", "split_weeks", "fit_week"),
    *("rank", "evaluate", "test_behavior", "refit", "publish", "end"),
)

NAME_OF_VARIABLE = re.compile("[A-Z][A-Z0-9_]*")
NAME_OF_SECRET = re.compile(
    r"REDIS_URL|NIGHTLY_WEBHOOK_URL|API_KEYS|(.*_)?(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)(_.*)?"
)
"""Variables whose values are nobody's business; a manifest can be read by many."""

MINUTE, HOUR, DAY = "[1-5]?[0-9]", "(1?[0-9]|2[0-3])", "([1-9]|[12][0-9]|3[01])"
MONTH = "([1-9]|1[0-2]|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
WEEKDAY = "(SUN|MON|TUE|WED|THU|FRI|SAT)"


def _field(value: str) -> str:
    """Return the pattern of a field of cron: a list of values, ranges and steps."""
    some = rf"(\*|{value}(-{value})?)(/[1-9][0-9]?)?"
    return f"{some}(,{some})*"


SCHEDULES = "^{} {} ({} {month} [?]|[?] {month} {}) [*]$".format(
    *map(_field, (MINUTE, HOUR, DAY, WEEKDAY)), month=_field(MONTH)
)
"""AWS's six fields, one of days a '?'. Days of the week by name: Argo's numbers start at 0, AWS's at 1."""

Schedule = Annotated[
    str,
    Field(pattern=SCHEDULES, description="AWS's six fields of cron, days of the week by name, such as '0 2 * * ? *'"),
]
Datastore = Annotated[
    str, Field(pattern=r"^(s3://[a-z0-9.-]+(/[^\s]*)?)?$", description="s3://bucket/folder, or '' for Metaflow's own")
]
Currency = Annotated[str, Field(min_length=1, max_length=8, description="a short text, such as USD")]
SecretNames = Annotated[list[KubernetesName], Field(description="a list of names of small letters, digits and '-'")]


class PlaceSettings(TypedDict):
    """Where and when the flow runs; see [cluster] in the TOML."""

    schedule: Schedule
    datastore: Datastore
    image: TextOrNone
    max_workers: Count
    kubernetes_namespace: KubernetesName
    kubernetes_service_account: TextOrNone
    kubernetes_secrets: SecretNames
    batch_queue: TextOrNone
    batch_role: TextOrNone
    step_functions_role: TextOrNone
    events_role: TextOrNone
    dynamo_table: TextOrNone
    aws_secrets: SecretNames


class TaskSettings(TypedDict):
    """What a task asks of a cluster; see [cluster.task] in the TOML.

    Attributes:
        memory: MiB.
        image: '' for that of [cluster].
        node_selector: labels that a Kubernetes node must have.
    """

    cpu: Count
    gpu: CountOrZero
    memory: Count
    image: TextOrNone
    node_selector: Labels
    retries: Retries
    minutes_between_retries: CountOrZero
    timeout_minutes: Count


class PriceSettings(TypedDict):
    """What a cluster costs an hour, for the report's estimate; see [cluster.prices] in the TOML.

    Attributes:
        currency: as people write it.
        cpu: of one CPU.
        memory_gib: of one GiB.
        gpu: of one GPU, its machine's CPUs and memory left out.
    """

    currency: Currency
    cpu: NotNegative
    memory_gib: NotNegative
    gpu: NotNegative


def find_problems_of_cluster(table: Any) -> list[str]:
    """Return one line for each thing that is wrong in [cluster] and its tables."""
    if not isinstance(table, Mapping):
        return [f"[{CLUSTER}] is {shown(table)}; it takes settings and tables, {one_of(TABLES)}"]
    place = {name: value for name, value in table.items() if name not in TABLES}
    return [
        *find_wrong_values(PlaceSettings, place, f"[{CLUSTER}]"),
        *_environment(table.get(ENVIRONMENT, {})),
        *find_wrong_values(TaskSettings, table.get(TASK, {}), f"[{CLUSTER}.{TASK}]"),
        *_steps(table.get(STEPS, {})),
        *(find_wrong_values(PriceSettings, table[PRICES], f"[{CLUSTER}.{PRICES}]") if PRICES in table else []),
    ]


def _environment(variables: Any) -> list[str]:
    where = f"[{CLUSTER}.{ENVIRONMENT}]"
    if not isinstance(variables, Mapping):
        return [f"{where} is {shown(variables)}; it takes variables and their values, as texts"]
    problems = []
    for name, value in variables.items():
        if not NAME_OF_VARIABLE.fullmatch(name):
            problems.append(f"{where} has {name!r}; it takes names of capital letters, digits and '_'")
        elif NAME_OF_SECRET.fullmatch(name):
            problems.append(f"{where} has {name}; a secret belongs in the platform's store, see docs/cluster.md")
        elif not isinstance(value, str):
            problems.append(f"{where} {name} is {shown(value)}; it takes a text")
    return problems


def _steps(steps: Any) -> list[str]:
    where = f"{CLUSTER}.{STEPS}"
    if not isinstance(steps, Mapping):
        return [f"[{where}] is {shown(steps)}; it takes a table for each step, [{where}.NAME]"]
    unknown = [f"[{where}] has {name}; it takes {one_of(STEP_NAMES)}" for name in steps if name not in STEP_NAMES]
    known = {name: table for name, table in steps.items() if name in STEP_NAMES}
    wrong = (
        find_wrong_values(TaskSettings, each, f"[{where}.{name}]", is_partial=True) for name, each in known.items()
    )
    return [*unknown, *(problem for problems in wrong for problem in problems)]
