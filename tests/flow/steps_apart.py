"""Every step of a flow as if on a machine of its own: a home, working and data folder that are empty at its start and
gone after it. What steps share is what machines share: S3, Redis, and Metaflow's record of runs.

    python steps_apart.py FOLDER FLOW_FILE run ...     the flow; its steps are started by this file, too
"""

import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

FOLDER, KILLED, PYTHON = "STEPS_APART_FOLDER", "STEPS_APART_KILLED", "STEPS_APART_PYTHON"
SHARED = ("METAFLOW_DATASTORE_SYSROOT", "METAFLOW_USER", "METAFLOW_DEFAULT", "METAFLOW_CARD_S3ROOT")
HALF_WAY = {"fit_week": ("runs/*/*/*/**/weights.pt", 2), "publish": ("runs/*/*/published/lists", 1)}
OF_A_MACHINE = ("METAFLOW", "NUMBA_CACHE_DIR", "CUDA_CACHE", "COMET_OFFLINE_DIRECTORY", "EMBEDDED_REDIS_DIR")


def start_flow(folder: Path, arguments: list[str]) -> None:
    """Run the flow in this process, and let it take this file for the Python that starts its steps."""
    starter = folder / "step"
    starter.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).absolute()} --step "$@"\n')
    starter.chmod(0o755)
    os.environ |= {FOLDER: str(folder), PYTHON: sys.executable}
    sys.executable, sys.argv = str(starter), arguments
    runpy.run_path(arguments[0], run_name="__main__")


def run_step(arguments: list[str]) -> int:
    """Run a step apart; one that the environment says is killed once, half-way."""
    if "step" not in arguments:  # Metaflow's own copying to and from S3
        return subprocess.run([os.environ[PYTHON], *arguments], check=False).returncode
    name = arguments[arguments.index("step") + 1]
    place = Path(os.environ[FOLDER]) / f"{name}-{os.getpid()}"
    folders = {each: place / each for each in ("home", "work", "data", "tmp")}
    for each in folders.values():
        each.mkdir(parents=True)
    kept = {
        key: value for key, value in os.environ.items() if key.startswith(SHARED) or not key.startswith(OF_A_MACHINE)
    }
    own = {"HOME": folders["home"], "RECOMMENDER_DATA_DIR": folders["data"], "TMPDIR": folders["tmp"]}
    environment = kept | {key: str(value) for key, value in own.items()} | {"AWS_SDK_UA_APP_ID": place.name}
    process = subprocess.Popen([os.environ[PYTHON], *arguments], cwd=folders["work"], env=environment)
    try:
        if name == os.environ.get(KILLED):
            _kill_half_way(name, process, folders["data"], Path(os.environ[FOLDER]) / "killed")
        return process.wait()
    finally:
        left = [each for each in ("home", "work") if any(folders[each].iterdir())]
        shutil.rmtree(place)
        if left:
            print(f"{name} wrote into its {' and '.join(left)} folder", flush=True)


def _kill_half_way(name: str, process: subprocess.Popen, data_dir: Path, mark: Path) -> None:
    """Kill a task once: one that fits models when it began its second, one that publishes when it made the lists."""
    pattern, times = HALF_WAY[name]
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return
    while process.poll() is None:
        if len(list(data_dir.glob(pattern))) >= times:
            process.send_signal(signal.SIGKILL)
            mark.write_text("killed")
            return
        time.sleep(0.05)


if __name__ == "__main__":
    if sys.argv[1] == "--step":
        sys.exit(run_step(sys.argv[2:]))
    start_flow(Path(sys.argv[1]), sys.argv[2:])
