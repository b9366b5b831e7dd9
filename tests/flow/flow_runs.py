"""Real runs of the real flow in a data folder of their own, with an empty home and working directory."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import redis

from recommender.config import DEFAULT_FILE
from recommender.release.published_versions import versions
from recommender.release.registry import Decision, read
from serving.connection.embedded_redis import EmbeddedRedis

CUSTOMERS = 4_000  # of the small shop; some two hundred buy in its test week
FLOW_FILE = DEFAULT_FILE.with_name("recommendation_flow.py")
# What makes a run on the small shop short; each left side stands in the default settings.
SMALLER = {
    "training_weeks = 13": "training_weeks = 12",
    "history_length = 100": "history_length = 20",
    "embedding_dim = 64": "embedding_dim = 32",
    "batch_size = 256": "batch_size = 128",
    "epochs = 12": "epochs = 8",
    "\nweeks = 8": "\nweeks = 2",  # one to learn from and one to choose the number of trees by
    "weeks_per_model = 2": "weeks_per_model = 1",  # the small shop's models are weak enough as it is
    "n_trees = 300": "n_trees = 60",
}
LEFT_OUT = ("wide", "loyal")  # two candidates are enough to run in parallel and to choose between


@dataclass(frozen=True)
class Workplace:
    """A data folder with its own embedded Redis, a home and a working directory, both empty."""

    root: Path

    @property
    def data_dir(self) -> Path:
        """Where runs write."""
        return self.root / "data"

    @property
    def report(self) -> dict:
        """The demo's last report."""
        return self.report_of("demo")

    def report_of(self, dataset: str) -> dict:
        """The last run's report on a dataset."""
        return json.loads((self.data_dir / "reports" / dataset / "report.json").read_text())

    @property
    def registry_file(self) -> Path:
        """Where the demo's runs say what they decided."""
        return self.data_dir / "registry" / "demo.jsonl"

    @property
    def decisions(self) -> list[Decision]:
        """What the runs decided, the last one at the end."""
        return read(self.registry_file)

    @property
    def redis_server(self) -> EmbeddedRedis:
        """The workplace's own Redis."""
        return EmbeddedRedis(self.data_dir / "redis")

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a user who set nothing but the data folder."""
        foreign = ("METAFLOW", "COMET", "EMBEDDED_REDIS", "REDIS_URL", "DATASET", "RAW_DIR", "ONLINE_RETAIL")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return {**kept, "HOME": str(self.root / "home"), "RECOMMENDER_DATA_DIR": str(self.data_dir)}

    def run(self, *options: str, settings: str | None = None, timeout: int = 600) -> subprocess.CompletedProcess:
        """Run the flow to its end."""
        return subprocess.run(
            self.command(*options, settings=settings),
            cwd=self.root / "elsewhere",
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def command(self, *options: str, settings: str | None = None) -> list[str]:
        """The command line of a run with the given settings, by default the small ones."""
        settings_file = self.root / "settings.toml"
        settings_file.write_text(settings or small_settings())
        return [sys.executable, str(FLOW_FILE), "--config", "settings", str(settings_file), "run", *options]

    def published(self, dataset: str = "demo") -> list:
        """The versions in Redis, the served one first."""
        with redis.Redis.from_url(self.redis_server.ensure_running()) as client:
            return versions(client, dataset)


def lenient(settings: str) -> str:
    """The settings with thresholds of comparisons that any list reaches; rules stay."""
    head, title, thresholds = settings.partition("[behavioral_tests.comparisons]")
    thresholds = re.sub(r"minimum = -?[\d.]+", "minimum = -1000.0", thresholds)
    return head + title + re.sub(r"maximum = -?[\d.]+", "maximum = 1000.0", thresholds)


def make_workplace(root: Path) -> Workplace:
    """Make the folders of a workplace."""
    for name in ("home", "elsewhere", "data"):
        (root / name).mkdir(parents=True)
    return Workplace(root)


def small_settings(changes: Mapping[str, str] = MappingProxyType({}), left_out: Sequence[str] = LEFT_OUT) -> str:
    """The default settings with small sizes, fewer candidates and further texts replaced, old to new."""
    text = DEFAULT_FILE.read_text()
    for name in left_out:
        text = re.sub(rf"\[candidates\.{name}\][^\[]*", "", text)
    for old, new in {**SMALLER, **changes}.items():
        assert old in text, f"the default settings no longer say {old!r}"
        text = text.replace(old, new)
    return text
