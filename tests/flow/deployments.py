"""Deployments as `make deploy` writes them, against an AWS account on loopback, with secrets in the environment."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aws_account import Account, make_account
from moto.server import ThreadedMotoServer

from recommender.config import DEFAULT_FILE

SECRETS = {
    "REDIS_URL": "redis://:planted-redis@redis.example:6379/0",
    "COMET_API_KEY": "planted-comet",
    "API_KEYS": "shop:planted-api",
    "KAGGLE_API_TOKEN": "planted-kaggle",
    "AWS_ACCESS_KEY_ID": "planted-access",
    "AWS_SECRET_ACCESS_KEY": "planted-secret",
    "AWS_SESSION_TOKEN": "planted-session",
    "METAFLOW_SERVICE_AUTH_KEY": "planted-service",
    "METAFLOW_ARGO_EVENTS_WEBHOOK_AUTH": "planted-webhook",
}
IMAGE, GPU_IMAGE = "registry.example/recommendations:abc", "registry.example/recommendations:abc-cu128"


class Deployments:
    """A folder to deploy from, in one account."""

    def __init__(self, folder: Path, account: Account, endpoint: str) -> None:
        self.folder, self.endpoint = folder, endpoint
        self.settings = folder / "settings.toml"
        self.settings.write_text(filled_in(account))

    def deploy(self, *options: str, **variables: str) -> subprocess.CompletedProcess:
        """Deploy with the settings of this folder, secrets and further variables in the environment."""
        program = DEFAULT_FILE.with_name("deploy.py")
        where = ["--settings", str(self.settings), "--folder", str(self.folder / "deploy")]
        foreign = ("METAFLOW", "RECOMMENDER", "AWS", "DATASET")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        own = {
            "HOME": str(self.folder),
            "RECOMMENDER_DATA_DIR": str(self.folder / "data"),
            "AWS_ENDPOINT_URL": self.endpoint,
            "METAFLOW_S3_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return subprocess.run(
            [sys.executable, str(program), *where, *options],
            cwd=self.folder,
            env=kept | own | SECRETS | variables,
            capture_output=True,
            text=True,
        )

    def written(self, *options: str, **variables: str) -> list[Path]:
        """Deploy, and return the files that were written."""
        done = self.deploy(*options, **variables)
        assert done.returncode == 0, done.stderr
        return [Path(line) for line in done.stdout.splitlines() if line.startswith("/")]


def filled_in(account: Account) -> str:
    """The shipped settings for an account, with a GPU to train on."""
    text = DEFAULT_FILE.read_text()
    values = {
        'datastore = ""': f'datastore = "s3://{account.bucket}/metaflow"',
        'image = ""              # built': f'image = "{IMAGE}"  # built',
        'kubernetes_service_account = ""': 'kubernetes_service_account = "nights"',
        'batch_queue = ""': f'batch_queue = "{account.queue}"',
        'batch_role = ""': f'batch_role = "{account.role}"',
        'step_functions_role = ""': f'step_functions_role = "{account.role}"',
        'events_role = ""': f'events_role = "{account.role}"',
        'dynamo_table = ""': 'dynamo_table = "splits"',
        "gpu = 0                 # to ask": "gpu = 1                 # to ask",
        "[cluster.environment]": f'[cluster.environment]\nSTATE_URL = "s3://{account.bucket}/state"\n#',
        "[cluster.steps.train]": f'[cluster.steps.train]\nimage = "{GPU_IMAGE}"\nnode_selector = {{ pool = "gpu" }}',
    }
    for old, new in values.items():
        assert text.count(old) == 1, f"the default settings say {old!r} {text.count(old)} times"
        text = text.replace(old, new)
    return text


@contextmanager
def running_account(monkeypatch) -> Iterator[tuple[Account, str]]:
    """Start a server of AWS's protocols on loopback with an account in it; give its address, too."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    yield make_account(), settings["AWS_ENDPOINT_URL"]
    server.stop()
