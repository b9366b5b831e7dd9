"""A night on a disk that its run fills: a real one, of two mebibytes."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import nightly
from recommender.nights.disk import SET_ASIDE_BYTES, full_disk, set_aside

CAN_MOUNT = subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0

# A run that leaves no byte free, and cannot even say so.
FILLS_THE_DISK = """
import os, sys
from recommender.project_paths import data_dir
with open(data_dir() / "much", "wb", buffering=0) as file:
    for size in (65_536, 1):
        try:
            while file.write(bytes(size)):
                pass
        except OSError:
            pass
raise SystemExit(3)
"""


@pytest.mark.skipif(not CAN_MOUNT, reason="a disk of its own takes a mount")
def test_a_night_that_fills_the_disk_says_so_and_keeps_its_line(tmp_path):
    code = (
        f"import nightly, sys; nightly.flow_command = lambda *_: {[sys.executable, '-c', FILLS_THE_DISK]!r}; "
        "sys.exit(nightly.main(['--dataset', 'demo']))"
    )
    script = f"""
        mount -t tmpfs -o size=2m none "$RECOMMENDER_DATA_DIR"
        {shlex.join([sys.executable, "-c", code])} | grep full
        echo "exit code ${{PIPESTATUS[0]}}"
        cd "$RECOMMENDER_DATA_DIR"
        cat registry/demo-nights.jsonl
        grep failed logs/*.log
        ls logs
    """
    here = {"RECOMMENDER_DATA_DIR": f"{tmp_path}", "PYTHONPATH": f"{Path(nightly.__file__).parent}"}
    in_its_own = ["unshare", "--mount", "bash", "-c", script]
    done = subprocess.run(in_its_own, env=os.environ | here, capture_output=True, text=True)
    summary, code, night, in_log, *logs = done.stdout.splitlines()
    assert code == "exit code 2", done.stderr
    assert f"the disk of {tmp_path}/logs is full" in summary
    assert json.loads(night)["reason"] in summary == in_log
    assert not any("set-aside" in name for name in logs)


def test_a_disk_with_room_is_not_full_and_one_that_is_not_there_is_not_told(tmp_path):
    assert full_disk(tmp_path) is None
    assert full_disk(tmp_path / "none") is None


def test_room_is_taken_and_given_back(tmp_path):
    path = tmp_path / "nightly-demo.set-aside"
    with set_aside(tmp_path, "nightly-demo") as give_back:
        assert path.stat().st_blocks * 512 >= SET_ASIDE_BYTES
        give_back()
        assert not path.exists()
    with set_aside(tmp_path, "nightly-demo"):
        pass
    assert not path.exists()
    with set_aside(tmp_path / "none", "nightly-demo"):  # where nothing can be set aside the night goes on
        pass
