"""A shop that is run every night by `nightly`, with small settings."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flow_runs import CUSTOMERS, Workplace, make_workplace, small_settings
from growing_shop import TRANSACTIONS, GrowingShop

import nightly
from data.synthetic_hm import generate

DATASET = "kaggle-hm"
SECONDS = 1_200
LAST_DAY = date(2020, 9, 22)


@dataclass(frozen=True)
class ShopByNight:
    """A workplace and the growing files that its nights read."""

    workplace: Workplace
    files: GrowingShop

    @property
    def customer(self) -> str:
        """Somebody who bought something on the first day."""
        return (self.files.whole / TRANSACTIONS).read_text().splitlines()[1].split(",")[1]

    def start(self, **variables: str) -> subprocess.Popen:
        """Begin a night, with what the line in the crontab would set; returns once it has a log."""
        settings = self.workplace.root / "settings.toml"
        settings.write_text(small_settings())
        of_cron = {"RAW_DIR": f"{self.files.folder}", "METAFLOW_FLOW_CONFIG": json.dumps({"settings": f"{settings}"})}
        before = self.logs()
        night = subprocess.Popen(
            [sys.executable, nightly.__file__, "--dataset", DATASET],
            cwd=self.workplace.root / "elsewhere",
            env={**self.workplace.environment, **of_cron, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        while self.logs() == before and night.poll() is None:
            time.sleep(0.05)
        return night

    def night(self) -> int:
        """Run a night to its end; returns its exit code."""
        night = self.start()
        night.communicate(timeout=SECONDS)
        return night.returncode

    def logs(self) -> list[Path]:
        """The logs of the nights, tonight's last."""
        return sorted((self.workplace.data_dir / "logs").glob("nightly-*.log"))

    def log(self) -> str:
        """Tonight's log."""
        return self.logs()[-1].read_text(errors="replace")

    def versions(self) -> list[str]:
        """What Redis holds, the served version first."""
        return [each.version for each in self.workplace.published(DATASET)]

    def bytes_on_disk(self) -> int:
        """All that is below the data folder but the raw files, which grow with the shop."""
        files = (each for each in self.workplace.data_dir.rglob("*") if each.is_file() and not each.is_symlink())
        return sum(each.stat().st_size for each in files if each.relative_to(self.workplace.data_dir).parts[0] != "raw")


@contextmanager
def shop_by_night(root: Path) -> Iterator[ShopByNight]:
    """A shop before its first night; its Redis is stopped in the end."""
    made = generate(root / "whole", customers=CUSTOMERS, articles=400, days=300, seed=11)
    workplace = make_workplace(root / "workplace")
    try:
        yield ShopByNight(workplace, GrowingShop(made.raw_dir, root / "incoming"))
    finally:
        workplace.redis_server.stop()


def processes_of(night: subprocess.Popen) -> list[int]:
    """The processes of a night's flow, the flow first: it is a child of the night, and all are of its session."""
    parents, sessions = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            _, parent, _, session = stat.read_text().rpartition(")")[2].split()[:4]
            parents[int(stat.parent.name)], sessions[int(stat.parent.name)] = int(parent), int(session)
    (flow,) = (process for process, parent in parents.items() if parent == night.pid)
    return [flow, *(process for process, session in sessions.items() if session == flow and process != flow)]
