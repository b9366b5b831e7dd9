"""A flow on machines that share no disk: each step in folders of its own, and commands from yet another machine."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import steps_apart
from flow_runs import Workplace, make_workplace
from s3_server import BUCKET, S3Server, s3_server

SECONDS = 3_600  # the demo takes ten minutes on two quiet cores


@dataclass(frozen=True)
class Apart:
    """Machines that share a bucket, a Redis and Metaflow's record of runs.

    Attributes:
        workplace: the machine that starts the flow; its Redis is everybody's.
        bucket: of all files.
        folder: holds the machines while they are there.
    """

    workplace: Workplace
    bucket: S3Server
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables of every machine."""
        return {
            **self.workplace.environment,
            **self.bucket.settings,
            "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://{BUCKET}/metaflow",
            "METAFLOW_S3_ENDPOINT_URL": self.bucket.settings["AWS_ENDPOINT_URL"],
            "REDIS_URL": self.workplace.redis_server.ensure_running(),
        }

    def run(self, *options: str, killed: str = "", settings: str | None = None) -> subprocess.CompletedProcess:
        """Run the flow, each step on a machine of its own; a task of the step `killed` is killed once.

        Settings are the small ones by default, and for `resume` those of its origin.
        """
        python, flow_file, *arguments = self.workplace.command(settings=settings)
        given = arguments[:-1] if options[0] == "run" else []
        command = [python, steps_apart.__file__, str(self.folder), flow_file, "--datastore=s3", *given, *options]
        return self._call(command, {**self.environment, steps_apart.KILLED: killed}, self.workplace.root / "elsewhere")

    def call(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run a command of the project on a machine that has nothing but an address of the state."""
        place = self.folder / "another"
        place.mkdir()
        own = {"RECOMMENDER_DATA_DIR": str(place / "data"), "STATE_URL": f"s3://{BUCKET}/metaflow/recommender"}
        try:
            return self._call([sys.executable, *arguments], {**self.environment, **own}, place)
        finally:
            shutil.rmtree(place)

    @classmethod
    @contextmanager
    def made(cls, launcher: Path, folder: Path) -> Iterator["Apart"]:
        """Start the bucket and Redis, and stop them in the end."""
        workplace = make_workplace(launcher)
        try:
            with pytest.MonkeyPatch.context() as patch, s3_server(patch) as bucket:
                yield cls(workplace, bucket, folder)
        finally:
            workplace.redis_server.stop()

    @staticmethod
    def _call(command: list[str], environment: dict[str, str], place: Path) -> subprocess.CompletedProcess:
        return subprocess.run(command, env=environment, cwd=place, capture_output=True, text=True, timeout=SECONDS)
