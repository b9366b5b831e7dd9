"""Make what `test_upgrade.py` unpacks: the data folder that a commit leaves after two nights on a tiny shop.

The commit's own code makes it, from its own checkout; the archive lies beside this file and has the commit's name:

    git worktree add ../earlier COMMIT && make -C ../earlier setup
    PYTHONPATH=../earlier/tests/flow ../earlier/.venv/bin/python tests/upgrade/make_state.py

This takes ten minutes. There are two nights because a rollback needs an earlier version, and the second one has other
settings because only then it is compared with the champion. Then an article is denied and a variant started. The
archive holds what a later command reads, and nothing else.
"""

import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
from flow_runs import Workplace, lenient, make_workplace, small_settings

from data.synthetic_hm import generate
from recommender.project_paths import PROJECT_ROOT

SMALLER_STILL = {
    "embedding_dim = 32": "embedding_dim = 16",
    "hidden_dim = 256": "hidden_dim = 32",
    "minimum_customers = 100": "minimum_customers = 10",  # with more, the shop is too small for any comparison
}
ANOTHER_DROPOUT = {"dropout = 0.0 ": "dropout = 0.1 "}
ALL_BUT_BASE = ("wide", "loyal", "sampled")
FIRST_NIGHT = ["--cutoff", "2020-09-22"]  # the day before the last purchase
SECOND_NIGHT = ["--force-reason", "the state of a release is made"]  # whichever of the two does better
VARIANT = ["NAME=earlier", "SHARE=0.5"]
NOTE = "NOTE=recalled"


def main() -> int:
    """Make the archive and print its size; returns the exit code."""
    archive = Path(__file__).with_name(f"state_{_commit()}.tar.xz")
    with TemporaryDirectory() as folder:
        workplace = make_workplace(Path(folder) / "workplace")
        generate(workplace.data_dir / "raw" / "demo", customers=600, articles=150, days=180, seed=11)
        try:
            _spend_night(workplace, {}, FIRST_NIGHT)
            _spend_night(workplace, ANOTHER_DROPOUT, SECOND_NIGHT)
            _make(workplace, "deny", f"ARTICLE={_best_seller(workplace)}", NOTE)
            _make(workplace, "variant", f"VERSION={workplace.decisions[0].version}", *VARIANT)
        finally:
            workplace.redis_server.stop()
        _pack(workplace, archive)
    print(f"{archive}: {archive.stat().st_size:,} bytes")
    return 0


def _commit() -> str:
    """Short id of the commit whose code runs."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True).stdout.strip()


def _spend_night(workplace: Workplace, changes: dict[str, str], options: list[str]) -> None:
    """Run the flow; whatever the tiny shop's lists score, they are published."""
    settings = lenient(small_settings({**SMALLER_STILL, **changes}, left_out=ALL_BUT_BASE))
    night = workplace.run(*options, settings=settings, timeout=1_800)
    if night.returncode != 0:
        raise RuntimeError(f"the night published nothing:\n{night.stdout[-3000:]}{night.stderr[-3000:]}")


def _make(workplace: Workplace, *command: str) -> None:
    subprocess.run(["make", *command], cwd=PROJECT_ROOT, env=workplace.environment, check=True)


def _newest_run(workplace: Workplace) -> Path:
    return workplace.data_dir / "runs" / "demo" / workplace.report["run_id"]


def _best_seller(workplace: Workplace) -> str:
    """The first article of the list for strangers."""
    popular = pq.read_table(_newest_run(workplace) / "published" / "lists" / "popular.parquet")
    return f"{popular['numbers'][0][0].as_py():010d}"


def _pack(workplace: Workplace, archive: Path) -> None:
    """Write the archive; times stay, for the commands sort runs by them."""
    with tarfile.open(archive, "w:xz", preset=9) as packed:
        for path in sorted(_kept(workplace)):
            packed.add(path, path.relative_to(workplace.data_dir), filter=_without_owner)


def _kept(workplace: Workplace) -> Iterator[Path]:
    """What later commands read; of an earlier run its published lists, which can be published again."""
    data, newest = workplace.data_dir, _newest_run(workplace)
    yield from (data / "raw", data / "redis", data / "registry", data / "reports")
    yield from data.glob("runs/demo/*/published/lists")
    yield from (path for path in (newest / "marts", *newest.glob("published/*")) if path.name != "lists")


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    sys.exit(main())
