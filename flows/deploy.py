"""Write the scheduled deployment of the flow for an engine, or make it there.

    python flows/deploy.py --target argo|step-functions|airflow [--branch NAME] [--publish] [--create]

Stage: beside the flow, which Metaflow reads. In: the settings file and Metaflow's own configuration. Out: the files of
the target in build/deploy/; with --create the deployment itself, where the credentials for it are.

Exit codes: 0 it was written, or made, 1 it was not; the line says why.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from recommender import cluster, config
from recommender.dataset_lock import METAFLOW_COMMANDS
from recommender.errors import RecommenderError
from recommender.evaluation.checked_settings import check_settings
from recommender.project_paths import PROJECT_ROOT, keep_private
from recommender.settings.cluster import CLUSTER, NAME_OF_SECRET

FLOW_FILE = Path(__file__).absolute().with_name("recommendation_flow.py")
NAME_OF_BRANCH = re.compile("(?=.{1,20}$)[a-z0-9]+(_[a-z0-9]+)*")
SCHEDULE = "schedule"  # behind a target's name in that of a file
IN_MANIFESTS = {
    "METAFLOW_SERVICE_AUTH_KEY": "",
    "METAFLOW_SERVICE_HEADERS": "{}",
    "METAFLOW_ARGO_EVENTS_WEBHOOK_AUTH": "none",
}
"""Secrets that Metaflow itself would write into a manifest, and what it writes instead; tasks get them from the
platform's store. Its configuration files may have them, too, before which the environment goes."""
SHORTEST_SECRET = 6  # characters; anything shorter, such as "test", is in manifests by chance
NEEDED = {
    "argo": ["image"],
    "step-functions": ["image", "batch_queue", "batch_role", "step_functions_role", "events_role", "dynamo_table"],
    "airflow": ["image"],
}


class DeploymentError(RecommenderError):
    """There is no deployment, for a reason that a person can act on."""


def environment_of(toml: Mapping, target: str, branch: str, publishes: bool) -> dict[str, str]:
    """Return the environment in which Metaflow writes the deployment.

    Raises:
        DeploymentError: the settings do not say enough, or a branch's name cannot be used.
    """
    if CLUSTER not in toml:
        raise DeploymentError(f"[{CLUSTER}] is missing; copy it from the settings that are shipped")
    if branch and not NAME_OF_BRANCH.fullmatch(branch):
        raise DeploymentError(f"BRANCH is {branch!r}; it takes up to 20 small letters and digits, with single '_'")
    if branch in METAFLOW_COMMANDS:
        raise DeploymentError(f"BRANCH is {branch!r}, which is a command of the flow; take another name")
    if branch == SCHEDULE:
        raise DeploymentError(f"BRANCH is {branch!r}, which names production's schedule; take another name")
    if publishes and not branch:
        raise DeploymentError("PUBLISH=1 is for a branch; production publishes by itself")
    found = {**os.environ, **IN_MANIFESTS, **cluster.metaflow_variables(toml[CLUSTER])}
    lacking = [f"[{CLUSTER}] {name}" for name in NEEDED[target] if not toml[CLUSTER][name]]
    lacking += [] if "METAFLOW_DATASTORE_SYSROOT_S3" in found else [f"[{CLUSTER}] datastore"]
    if lacking:
        raise DeploymentError(f"{target} needs {', '.join(lacking)}: fill them in, in the settings file")
    own = {cluster.TARGET: target, cluster.BRANCH: branch, cluster.PUBLISHES: "1" if publishes else ""}
    return {**found, **own}


def command_of(target: str, branch: str, settings: Path, create: bool, max_workers: int, file: Path) -> list[str]:
    """Return the command of Metaflow's that writes the deployment, or makes it."""
    start = [sys.executable, str(FLOW_FILE), "--no-pylint", "--config", "settings", str(settings)]
    start += [f"--branch={branch}" if branch else "--production"]
    workers = f"--max-workers={max_workers}"
    if target == "airflow":
        return [*start, "airflow", "create", workers, str(file)]
    engine = "argo-workflows" if target == "argo" else target
    return [*start, engine, "create", workers, *([] if create else ["--only-json"])]


def find_secrets(text: str, environment: Mapping[str, str]) -> list[str]:
    """Return the names of the variables whose values are secret and stand in the text."""
    secrets = {name: value for name, value in environment.items() if NAME_OF_SECRET.fullmatch(name)}
    return sorted(name for name, value in secrets.items() if len(value) >= SHORTEST_SECRET and _is_in(value, text))


def _is_in(value: str, text: str) -> bool:
    """Whether a value stands in a text, as it is or as JSON writes it."""
    return any(form in text for form in (value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]))


def deploy(target: str, branch: str, publishes: bool, create: bool, settings: Path, folder: Path) -> list[Path]:
    """Write the deployment, and make it if asked to; return the files.

    Raises:
        DeploymentError: Metaflow refused, or a secret would stand in a file; then none was written.
        SettingsError: the settings file cannot be used.
    """
    toml = config.read_file(settings)
    check_settings(toml)
    environment, max_workers = environment_of(toml, target, branch, publishes), toml[CLUSTER]["max_workers"]
    name = f"{target}-{branch}" if branch else target
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / f"{name}.py"
    printed = _run(command_of(target, branch, settings, False, max_workers, made), environment)
    texts = {made: made.read_text()} if target == "airflow" else _manifests(target, printed, toml, folder / name)
    if secrets := {name for text in texts.values() for name in find_secrets(text, os.environ)}:
        made.unlink(missing_ok=True)
        raise DeploymentError(
            f"the values of {', '.join(sorted(secrets))} would stand in the manifest; none was written"
        )
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    if create and target != "airflow":
        _run(command_of(target, branch, settings, True, max_workers, made), environment)
    return list(texts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command line; return the exit code."""
    options = _parse(arguments)
    keep_private()
    try:
        files = deploy(
            options.target, options.branch, options.publish, options.create, options.settings, options.folder
        )
    except (DeploymentError, config.SettingsError, OSError) as error:
        print(f"Nothing was deployed: {error}", file=sys.stderr)
        return 1
    print("\n".join(map(str, files)))
    print(_next(options.target, options.branch, options.create))
    return 0


def _run(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run a command of Metaflow's and return what it prints."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise DeploymentError(f"Metaflow ended with exit code {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout


def _manifests(target: str, printed: str, toml: Mapping, stem: Path) -> dict[Path, str]:
    """Return the texts of the target's files: what Metaflow printed, and the schedule, which it does not print."""
    made = json.loads(printed[printed.index("{") :])
    schedule = cluster.schedule_of(toml, target, {cluster.BRANCH: stem.name.removeprefix(target).lstrip("-")})
    texts = {stem.with_suffix(".json"): made}
    if schedule:
        written = _cron_workflow(made, schedule) if target == "argo" else _rule(schedule)
        texts[stem.with_name(f"{stem.name}-{SCHEDULE}.json")] = written
    return {path: json.dumps(each, indent=2) + "\n" for path, each in texts.items()}


def _cron_workflow(template: Mapping, schedule: str) -> dict:
    """Return what starts an Argo template, in UTC; a night that is still at work is not joined by the next."""
    metadata = {name: template["metadata"][name] for name in ("name", "namespace")}
    reference = {"workflowTemplateRef": {"name": metadata["name"]}}
    spec = {"schedules": [schedule], "timezone": "Etc/UTC", "concurrencyPolicy": "Forbid", "workflowSpec": reference}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "CronWorkflow", "metadata": metadata, "spec": spec}


def _rule(schedule: str) -> dict:
    """Return the rule of EventBridge that starts the state machine, as `aws events put-rule` takes it."""
    return {"Name": cluster.DEPLOYED_FLOW, "ScheduleExpression": f"cron({schedule})"}


def _next(target: str, branch: str, created: bool) -> str:
    """Return what there is to do now."""
    again = f"make deploy TARGET={target}{f' BRANCH={branch}' if branch else ''} CREATE=1"
    if target == "airflow":
        return "Copy the file into the folder of Airflow's DAGs (2.11; its imports do not exist in 3)"
    if created:
        return f"It is deployed{'; a branch has no schedule, start it by hand' if branch else ''}"
    return f"Nothing was deployed yet; `{again}` does it, with your credentials for the engine"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python flows/deploy.py", description="Deploy the flow, scheduled.")
    parser.add_argument("--target", required=True, choices=cluster.TARGETS)
    parser.add_argument("--branch", default="", help="a test deployment of this name; default: production")
    parser.add_argument(
        "--publish", action="store_true", help="let the branch publish, to the Redis of its own secrets"
    )
    parser.add_argument("--create", action="store_true", help="make the deployment; default: only write what it is")
    parser.add_argument("--settings", type=Path, default=config.DEFAULT_FILE, help="default: %(default)s")
    parser.add_argument("--folder", type=Path, default=PROJECT_ROOT / "build/deploy", help="default: %(default)s")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
