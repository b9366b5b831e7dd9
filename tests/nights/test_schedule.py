"""A schedule for cron and for systemd: both accept it, and what is removed is what was installed."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import datetime, time
from pathlib import Path

import pytest

from recommender.errors import SettingsError
from recommender.nights.environment_file import KEPT, read_environment, write_environment
from recommender.nights.night_log import Night, add_night, read_nights
from recommender.nights.schedule import environment_file, main, schedule_of, status
from recommender.nights.schedule_files import Schedule, cron_line, line_of, next_at, units, with_line, without_line

ODD = '/home/anna\'s shop/100% "real" $HOME'
SCHEDULE = Schedule("demo", time(3, 5), Path("/srv/shop"), ["/srv/shop/.venv/bin/python", "/srv/shop/flows/nightly.py"])
ODD_SCHEDULE = Schedule("demo", time(23, 59), Path(ODD), [f"{ODD}/python", f"{ODD}/nightly.py", "--dataset", "demo"])
MARK = "# recommendations, nightly: demo"
OTHERS = "MAILTO=anna\n# recommendations, nightly: demo-medium\n0 1 * * * backup # nightly\n"

NEEDS_CRON = pytest.mark.skipif(shutil.which("crontab") is None, reason="there is no crontab")
NEEDS_SYSTEMD = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
CAN_MOUNT = subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


@pytest.fixture(autouse=True)
def own_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@NEEDS_CRON
@pytest.mark.parametrize("schedule", [SCHEDULE, ODD_SCHEDULE], ids=["plain", "odd"])
def test_cron_accepts_the_line(schedule, tmp_path):
    crontab = tmp_path / "crontab"
    crontab.write_text(with_line(OTHERS, cron_line(schedule)))
    checked = subprocess.run(["crontab", "-n", str(crontab)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    crontab.write_text(cron_line(schedule).replace(" * * *", " * *", 1) + "\n")
    assert subprocess.run(["crontab", "-n", str(crontab)], capture_output=True).returncode != 0  # it does look


def test_a_shell_reads_the_line_of_cron_as_it_was_meant():
    minute, hour, *_, command = cron_line(ODD_SCHEDULE).split(maxsplit=5)
    assert (minute, hour) == ("59", "23")
    assert "%" not in command.replace("\\%", "")  # cron takes every other one for a line break
    _, folder, _, *words = shlex.split(command.replace("\\%", "%"), comments=True)
    assert folder == ODD
    assert words == ODD_SCHEDULE.command


def test_other_lines_of_the_crontab_stay():
    once = with_line(OTHERS, cron_line(SCHEDULE))
    assert with_line(once, cron_line(SCHEDULE)) == once
    assert once == OTHERS + cron_line(SCHEDULE) + "\n"
    assert without_line(once, MARK) == OTHERS
    assert line_of(OTHERS, MARK) is None
    assert with_line("0 1 * * * no end of line", cron_line(SCHEDULE)).count("\n") == 2


@NEEDS_SYSTEMD
@pytest.mark.parametrize("schedule", [SCHEDULE, ODD_SCHEDULE], ids=["plain", "odd"])
def test_systemd_accepts_the_units(schedule, tmp_path):
    folder, python = tmp_path / "units", tmp_path / schedule.command[0].lstrip("/")
    folder.mkdir()
    python.parent.mkdir(parents=True)
    python.symlink_to("/bin/true")  # a program that is not there would be told
    here = Schedule(schedule.dataset, schedule.at, schedule.folder, [str(python), *schedule.command[1:]])
    for name, text in units(here).items():
        (folder / name).write_text(text)
    files = sorted(map(str, folder.iterdir()))
    checked = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True)
    own = [line for line in checked.stderr.splitlines() if "recommendations-demo" in line]
    assert (checked.returncode, own) == (0, [])
    (folder / "recommendations-demo.timer").write_text("[Timer]\nOnCalendar=every night\n")
    broken = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True)
    assert "recommendations-demo.timer" in broken.stderr  # it does look


def test_a_timer_makes_up_for_a_night_that_the_machine_slept_through():
    timer = units(SCHEDULE)["recommendations-demo.timer"]
    assert "Persistent=true" in timer
    assert "OnCalendar=*-*-* 03:05:00" in timer


@NEEDS_CRON
@pytest.mark.skipif(not CAN_MOUNT, reason="a spool of its own takes a mount")
def test_a_line_is_installed_shown_replaced_and_removed_by_the_real_crontab(tmp_path):
    spool, module = tmp_path / "spool", f"{shlex.quote(sys.executable)} -m recommender.nights.schedule"
    spool.mkdir()
    script = f"""
        set -e
        mount --bind {shlex.quote(str(spool))} /var/spool/cron/crontabs
        echo "0 1 * * * backup" | crontab -
        {module} install --dataset demo --scheduler cron --at 04:30
        {module} install --dataset demo --scheduler cron --at 3:05
        crontab -l
        {module} status --dataset demo
        {module} remove --dataset demo
        {module} remove --dataset demo
        echo "left:"; crontab -l
    """
    done = subprocess.run(["unshare", "--mount", "bash", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown, _, left = done.stdout.partition("left:\n")
    assert left == "0 1 * * * backup\n"
    assert [line[:7] for line in shown.splitlines() if line.endswith(MARK)] == ["5 3 * *"]
    assert "every day at 03:05" in shown and "last: none has run yet" in shown
    assert "demo: no longer scheduled\ndemo: was not scheduled\n" in shown


NOTES = """#!/bin/sh
echo "$@" >> {calls}
"""


def test_units_are_installed_and_removed(tmp_path, monkeypatch):
    """With a systemctl that only notes what it is told: a manager of user's units runs on no machine of tests."""
    calls, programs = tmp_path / "calls", tmp_path / "programs"
    programs.mkdir()
    (programs / "systemctl").write_text(NOTES.format(calls=calls))
    (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    assert main(["install", "--dataset", "demo"]) == 0
    installed = {each.name for each in (tmp_path / "config" / "systemd" / "user").iterdir()}
    assert installed == {"recommendations-demo.service", "recommendations-demo.timer"}
    assert "--user enable --now recommendations-demo.timer" in calls.read_text()
    assert status("demo", datetime(2026, 12, 1, 2, 0))[0] == "demo: next 2026-12-01 03:00, every day at 03:00"
    assert main(["remove", "--dataset", "demo"]) == 0
    assert list((tmp_path / "config" / "systemd" / "user").iterdir()) == []
    assert "--user disable --now recommendations-demo.timer" in calls.read_text()


def test_nothing_is_installed_when_it_is_only_shown(tmp_path, capsys):
    for scheduler in ("systemd", "cron"):
        assert main(["install", "--dataset", "demo", "--only-print", "--scheduler", scheduler]) == 0
    said = capsys.readouterr().out
    assert "OnCalendar=*-*-* 03:00:00" in said and "\n0 3 * * * " in said
    assert not (tmp_path / "config").exists() and not (tmp_path / "data").exists()


@pytest.mark.parametrize("at", ["24:00", "3", "03:60", "noon", "", "03:00:00"])
def test_a_time_that_is_none_is_refused(at, capsys):
    assert main(["install", "--dataset", "demo", "--only-print", "--at", at]) == 2
    assert capsys.readouterr().err == f"AT is {at!r}; it takes a time of day such as 03:00\n"


def test_status_tells_how_the_last_night_went():
    add_night(Night("demo", "2026-12-01T03:00:12+00:00", "2026-12-01T03:04:00+00:00", 1, "refused: 1 of 40"))
    not_scheduled, last = status("demo", datetime(2026, 12, 1, 12, 0))
    assert not_scheduled.startswith("demo: not scheduled; ")
    assert last == "last: 2026-12-01 03:00 UTC, refused: 1 of 40 (exit code 1)"


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (datetime(2026, 12, 1, 2, 59), datetime(2026, 12, 1, 3, 0)),
        (datetime(2026, 12, 1, 3, 0), datetime(2026, 12, 2, 3, 0)),
        (datetime(2026, 12, 31, 23, 0), datetime(2027, 1, 1, 3, 0)),
    ],
)
def test_the_next_night_is_the_next_time_of_day(now, then):
    assert next_at(time(3, 0), now) == then


def test_variables_are_kept_private_and_come_back_as_they_were(tmp_path):
    path = tmp_path / "a" / "demo.env"
    secrets = {"REDIS_URL": "redis://:p%40ss'\"$#@h/0", "RAW_DIR": "~/h and m", "NIGHTLY_WEBHOOK_URL": "https://h/x=y"}
    names = write_environment(path, {**secrets, "HOME": "/root", "SECRET_OF_OTHERS": "x", "COMET_API_KEY": ""})
    assert names == sorted(secrets)
    assert read_environment(path) == secrets
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(SettingsError, match="RAW_DIR has a line break"):
        write_environment(path, {"RAW_DIR": "a\nb"})
    assert read_environment(path) == secrets


def test_every_variable_of_runs_and_of_redis_that_the_manual_names_is_kept():
    manual = (Path(__file__).parents[2] / "docs" / "settings.md").read_text()
    tables = manual.partition("For runs and commands:")[2].partition("For the API")[0]
    rows = [line.split("|")[1] for line in tables.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert {"RAW_DIR", "REDIS_URL"} < named
    assert {name for name in named if not KEPT.fullmatch(name)} == {"DATASET", "PIP_FIND_LINKS"}  # an option; set-up


def test_what_cron_starts_runs_with_the_little_that_cron_sets(tmp_path, monkeypatch):
    """Debian's cron sets these four variables and lets sh read the line, after it took the backslash from each %."""
    data = tmp_path / 'anna\'s 100% "data" $HOME'
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(data))
    monkeypatch.setenv("RAW_DIR", f"{data}/none")
    monkeypatch.delenv("NIGHTLY_WEBHOOK_URL", raising=False)
    write_environment(environment_file("kaggle-hm"))
    line = cron_line(schedule_of("kaggle-hm", time(3, 0), max_workers=1, timeout_minutes=5))
    command = line.split(maxsplit=5)[5].replace("\\%", "%")
    of_cron = {"HOME": str(tmp_path), "LOGNAME": "anna", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["/bin/sh", "-c", command], env=of_cron, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    (night,) = read_nights("kaggle-hm")
    assert night.reason.startswith(f"failed: RAW_DIR={data}/none is not a folder")


def test_a_file_of_variables_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "demo.env"
    with pytest.raises(SettingsError, match=r"demo\.env cannot be read \(No such file or directory\); `make schedule`"):
        read_environment(path)
    path.write_text("# by hand\n\nRAW_DIR=/h\nexport X\n")
    with pytest.raises(SettingsError, match=r"demo\.env, line 4 is not NAME=value"):
        read_environment(path)
