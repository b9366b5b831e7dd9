"""The nightly command with real processes in place of the flow: small Python programs that leave what a run leaves."""

import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

import nightly
from nightly import ExitCode
from recommender.alarms import Kind
from recommender.dataset_lock import AlreadyRunning, dataset_lock
from recommender.nights import summary
from recommender.nights.night_log import Night, add_night, read_nights

NIGHTLY_FILE = Path(nightly.__file__)

# What a run leaves behind: its id, a report and an exit code.
RUN = """
import json, sys
from pathlib import Path
import nightly
from recommender.project_paths import reports_dir
verdict, published, run_id, reported_run_id, exit_code = sys.argv[1:]
nightly.run_id_path("demo").write_text(run_id)
reports_dir("demo").mkdir(parents=True, exist_ok=True)
report = {"run_id": reported_run_id, "verdict": verdict, "verdict_reason": "6 of 6 tests"}
report["published"] = {"version": "1"} if published == "yes" else None
(reports_dir("demo") / "report.json").write_text(json.dumps(report))
print("the run speaks")
print("and complains", file=sys.stderr)
sys.exit(int(exit_code))
"""

# A run that publishes after its output filled the log.
FILLS_ITS_LOG = f"""
import os, sys
os.write(1, b"x" * 1000)
sys.stdout = sys.stderr = open(os.devnull, "w")
sys.argv = ["", "passed", "yes", "17", "17", "0"]
exec({RUN!r})
"""

# A run that takes the lock as the flow does, then publishes.
HOLDS_LOCK = f"""
import sys
from recommender.dataset_lock import dataset_lock
with dataset_lock("demo"):
    sys.argv = ["", "passed", "yes", "17", "17", "0"]
    exec({RUN!r})
"""


@pytest.fixture(autouse=True)
def data_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(NIGHTLY_FILE.parent))
    return tmp_path


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


def run(verdict: str, published: str, exit_code: int, run_id: str = "17", reported_run_id: str = "17") -> list[str]:
    return python(RUN, verdict, published, run_id, reported_run_id, str(exit_code))


def start_night(command: list[str], **more) -> subprocess.Popen:
    """Start a night in a process of its own and wait until its run has started."""
    code = f"import nightly, sys; sys.exit(nightly.run_night('demo', {command!r}, **{more!r}))"
    night = subprocess.Popen(python(code), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: process_ids(nightly.logs_dir()))
    return night


def process_ids(folder: Path) -> list[int]:
    """Ids that runs have left in the log, one a line."""
    lines = [line for path in folder.glob("*.log") for line in path.read_text().splitlines()]
    return [int(line) for line in lines if line.isdigit()]


def wait_for(condition, seconds: float = 10.0):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return result


def is_alive(process_id: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


# A run of two processes that print their ids and would sleep on for a minute.
SLEEPERS = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(os.getpid(), child.pid, sep="\\n", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (run("passed", "yes", 0), ExitCode.PUBLISHED, "demo: published: 6 of 6 tests; "),
        (run("refused", "no", 1), ExitCode.REFUSED, "demo: refused: 6 of 6 tests; "),
        (run("passed", "no", 1), ExitCode.FAILED, "good lists were not published, exit code 1"),
        (
            run("passed", "yes", 1),
            ExitCode.PUBLISHED,
            "demo: published: 6 of 6 tests; then the run ended with exit code 1, the log says why; ",
        ),
        (python("raise SystemExit(7)"), ExitCode.FAILED, "exit code 7 and without a report"),
        (python("pass"), ExitCode.FAILED, "exit code 0 and without a report"),
        (run("passed", "yes", 0, reported_run_id="16"), ExitCode.FAILED, "without a report"),
        (run("refused", "no", 1, reported_run_id="16"), ExitCode.FAILED, "without a report"),
    ],
)
def test_exit_code_and_summary_say_how_the_run_ended(command, code, words, capsys):
    assert nightly.run_night("demo", command) == code

    summary = capsys.readouterr().out
    assert summary.count("\n") == 1
    assert words in summary


# A run that was refused before it could leave a report.
REFUSED_EARLY = """
import nightly, sys
from recommender.errors import RunRefused
from recommender.release.early_refusal import leave_refusal
nightly.run_id_path("demo").write_text("17")
leave_refusal("demo", sys.argv[1], RunRefused("nobody bought anything"))
sys.exit(1)
"""


def test_a_refusal_before_there_is_a_report_is_told_as_one(capsys):
    assert nightly.run_night("demo", python(REFUSED_EARLY, "17")) == ExitCode.REFUSED
    assert "demo: refused: nobody bought anything; " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "code", "version", "kinds"),
    [
        (run("passed", "yes", 0), ExitCode.PUBLISHED, "1", []),
        (run("refused", "no", 1), ExitCode.REFUSED, None, [Kind.REFUSED]),
        (python(REFUSED_EARLY, "17"), ExitCode.REFUSED, None, [Kind.REFUSED]),
        (python("raise SystemExit(7)"), ExitCode.FAILED, None, [Kind.FAILED]),
        (python("import time; time.sleep(60)"), ExitCode.TIMED_OUT, None, [Kind.LATE]),
    ],
    ids=["published", "refused", "refused early", "failed", "timed out"],
)
def test_every_night_has_a_line_in_the_log_of_nights(command, code, version, kinds):
    nightly.run_night("demo", command, timeout_seconds=5)
    (night,) = read_nights("demo")
    assert (night.exit_code, night.version) == (code, version)
    assert [each.kind for each in night.alarms] == kinds
    assert night.began <= night.ended
    assert night.run_id == ("17" if code in (ExitCode.PUBLISHED, ExitCode.REFUSED) else None)


# A run that tells of which night it is, and what it found missing before.
TELLS_ITS_NIGHT = f"""
import json, os, sys
sys.argv = ["", "passed", "yes", "17", "17", "0"]
try:
    exec({RUN!r})
finally:
    from recommender.nights.tonight import BEGAN, missed_before
    found = missed_before("demo", {{"nightly": {{"every_hours": 24, "most_hours": 8}}}})
    report["alarms"] = [each.as_dict() for each in found]
    report["verdict_reason"] = os.environ[BEGAN]
    (reports_dir("demo") / "report.json").write_text(json.dumps(report))
"""


def test_a_run_knows_when_its_night_began_and_what_both_find_is_told_once():
    add_night(Night("demo", "2020-01-01T03:00:00+00:00", "2020-01-01T04:00:00+00:00", 0, "published"))
    assert nightly.run_night("demo", python(TELLS_ITS_NIGHT)) == ExitCode.PUBLISHED
    night = read_nights("demo")[-1]
    assert datetime.fromisoformat(night.reason.removeprefix("published: ")).replace(microsecond=0) == (
        datetime.fromisoformat(night.began)
    )
    (alarm,) = night.alarms
    assert alarm.kind == Kind.LATE and "nights were missed: the last began 2020-01-01 03:00 UTC" in alarm.text


def test_a_night_that_found_another_at_work_is_told_and_has_no_line(monkeypatch):
    told = []
    monkeypatch.setattr(nightly, "tell", told.append)
    with dataset_lock("demo"):
        nightly.run_night("demo", python("pass"))
    assert read_nights("demo") == []
    assert [alarm.kind for night in told for alarm in night.alarms] == [Kind.LATE]


def test_the_reason_of_a_failed_night_is_the_last_error_of_its_log(capsys):
    nightly.run_night("demo", python("raise OSError(28, 'No space left on device')"))
    assert "demo: failed: OSError: [Errno 28] No space left on device (exit code 1" in capsys.readouterr().out


def test_a_log_of_nights_that_cannot_be_written_does_not_change_how_a_night_ends(data_dir, capsys):
    (data_dir / "registry").write_text("a file where the folder should be")
    assert nightly.run_night("demo", run("passed", "yes", 0)) == ExitCode.PUBLISHED
    assert "log of nights cannot be written" in capsys.readouterr().err


def test_a_refusal_of_an_earlier_night_is_not_taken_for_tonights(capsys):
    assert nightly.run_night("demo", python(REFUSED_EARLY, "16")) == ExitCode.FAILED
    assert "without a report" in capsys.readouterr().out


@pytest.mark.parametrize("torn", ["{", "[]", "{}", '"17"', "\x00"])
def test_a_report_that_a_full_disk_tore_is_told_and_the_night_has_its_line(torn, data_dir, capsys):
    for name in ("report.json", "refusal.json"):
        (data_dir / "reports" / "demo").mkdir(parents=True, exist_ok=True)
        (data_dir / "reports" / "demo" / name).write_text(torn)
    assert nightly.run_night("demo", python("pass")) == ExitCode.FAILED
    assert len(read_nights("demo")) == 1
    assert "refusal.json cannot be read" in capsys.readouterr().err


def test_the_report_of_an_earlier_night_is_not_taken_for_tonights():
    assert nightly.run_night("demo", run("passed", "yes", 0)) == ExitCode.PUBLISHED
    assert nightly.run_night("demo", python("pass")) == ExitCode.FAILED


def test_log_holds_all_output_and_the_summary(capsys):
    nightly.run_night("demo", run("passed", "yes", 0))

    summary = capsys.readouterr().out
    log_path = Path(summary.rpartition("log ")[2].strip())
    assert log_path.parent == nightly.logs_dir()
    assert sorted(log_path.read_text().splitlines()) == sorted(["the run speaks", "and complains", summary.strip()])


def test_only_the_latest_logs_of_the_dataset_are_kept(data_dir):
    nightly.logs_dir().mkdir()
    for day in range(1, nightly.KEPT_LOGS + 6):
        (nightly.logs_dir() / f"nightly-demo-202001{day:02}T000000Z.log").touch()
    other_dataset = nightly.logs_dir() / "nightly-demo-2-20190101T000000Z.log"
    other_dataset.touch()

    nightly.run_night("demo", python("pass"))

    logs = sorted(nightly.logs_dir().glob("nightly-demo-202*.log"))
    assert len(logs) == nightly.KEPT_LOGS
    assert logs[0].name == "nightly-demo-20200107T000000Z.log"  # 35 + tonight's - 30 = the six oldest are gone
    assert other_dataset.exists()


def test_second_run_leaves_with_a_message_and_another_dataset_runs(capsys):
    night = start_night(python(SLEEPERS))
    try:
        assert nightly.run_night("demo", python("pass")) == ExitCode.ALREADY_RUNNING == 75
        assert f"demo is already being run by process {night.pid}, started " in capsys.readouterr().err
        assert nightly.run_night("online-retail", python("pass")) == ExitCode.FAILED  # it ran
    finally:
        night.terminate()
        night.communicate()


def test_a_night_leaves_while_a_run_by_hand_is_at_work_and_the_other_way_round(capsys):
    with dataset_lock("demo"):
        assert nightly.run_night("demo", python("pass")) == ExitCode.ALREADY_RUNNING
    night = start_night(python(SLEEPERS))
    try:
        with pytest.raises(AlreadyRunning, match=f"process {night.pid}, started"), dataset_lock("demo"):
            pass
    finally:
        night.terminate()
        night.communicate()


def test_the_run_holds_the_lock_that_the_night_hands_on():
    command = python(HOLDS_LOCK)
    assert nightly.run_night("demo", command) == ExitCode.PUBLISHED


def test_lock_outlives_kill_9_only_as_long_as_the_run_does():
    night = start_night(python("import os, time; print(os.getpid(), flush=True); time.sleep(60)"))
    [run_id] = process_ids(nightly.logs_dir())
    night.kill()
    night.communicate()

    assert nightly.run_night("demo", python("pass")) == ExitCode.ALREADY_RUNNING  # the run goes on
    os.kill(run_id, signal.SIGKILL)
    wait_for(lambda: not is_alive(run_id))
    assert nightly.run_night("demo", run("passed", "yes", 0)) == ExitCode.PUBLISHED


def test_sigterm_ends_the_whole_process_group():
    night = start_night(python(SLEEPERS))
    run_ids = wait_for(lambda: len(ids := process_ids(nightly.logs_dir())) == 2 and ids)

    night.terminate()
    summary, _ = night.communicate(timeout=10)

    assert night.returncode == ExitCode.FAILED
    assert "ended by SIGTERM" in summary
    wait_for(lambda: not any(map(is_alive, run_ids)))


def test_run_that_takes_too_long_is_killed_with_its_children_even_when_it_ignores_sigterm(monkeypatch):
    monkeypatch.setattr(nightly, "GRACE_SECONDS", 0.2)
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPERS

    assert nightly.run_night("demo", python(stubborn), timeout_seconds=1.5) == ExitCode.TIMED_OUT == 124

    run_ids = process_ids(nightly.logs_dir())
    assert len(run_ids) == 2
    wait_for(lambda: not any(map(is_alive, run_ids)))


def test_a_night_whose_log_is_full_ends_as_its_report_says(capsys):
    """As on a full disk, where not one more byte of a log fits."""
    code = (
        "import nightly, resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200)); "
        f"sys.exit(nightly.run_night('demo', {python(FILLS_ITS_LOG)!r}))"
    )
    night = subprocess.run(python(code), capture_output=True, text=True)
    assert night.returncode == ExitCode.PUBLISHED
    assert "demo: published: 6 of 6 tests" in night.stdout
    assert "cannot be written" in night.stderr


def test_a_crash_of_nightly_itself_is_not_taken_for_a_refusal_and_is_told(data_dir):
    (data_dir / "logs").write_text("a file where the folder should be")

    done = subprocess.run([sys.executable, NIGHTLY_FILE, "--dataset", "demo"], capture_output=True, text=True)

    assert done.returncode == ExitCode.FAILED
    assert "FileExistsError" in done.stderr
    (night,) = read_nights("demo")
    assert night.reason.startswith("failed: the nightly command broke off: FileExistsError: ")
    assert [each.kind for each in night.alarms] == [Kind.FAILED]


@pytest.mark.parametrize("streams", [">/dev/full", ">/dev/full 2>&1", "| true"])
def test_a_published_night_is_one_where_nobody_can_be_told(streams, monkeypatch):
    """Its output goes to a file on a full disk, or to a reader who has left."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # cron sets none; what is held back fails as Python ends
    code = (
        f"import nightly, sys; nightly.flow_command = lambda *_: {run('passed', 'yes', 0)!r}; "
        "sys.exit(nightly.main(['--dataset', 'demo', '--environment', sys.argv[1]]))"
    )
    variables = nightly.logs_dir().with_name("demo.env")
    variables.write_text("NIGHTLY_WEBHOOK_URL=nowhere\n")
    shell = f'"$@" {streams}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", shell, "bash", *python(code, f"{variables}")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (ExitCode.PUBLISHED, "")
    assert [night.exit_code for night in read_nights("demo")] == [ExitCode.PUBLISHED]


WRONG_SETTINGS = {
    "[nightly]\nevery_hours = 'x'": "[nightly] every_hours is 'x'",
    "[nightly": "is not valid TOML",
    "": "",
}


@pytest.mark.parametrize(("toml", "words"), WRONG_SETTINGS.items(), ids=["a wrong value", "no TOML", "no section"])
def test_settings_that_cannot_be_used_do_not_cost_a_night_its_line(toml, words, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(summary, "DEFAULT_FILE", tmp_path / "settings.toml")
    (tmp_path / "settings.toml").write_text(toml)
    assert nightly.run_night("demo", run("passed", "yes", 0)) == ExitCode.PUBLISHED
    assert len(read_nights("demo")) == 1
    said = capsys.readouterr().err
    assert words in said and bool(said) == bool(words)


def test_flow_command_runs_the_flow_with_this_python():
    assert nightly.flow_command("demo", 2) == [
        sys.executable,
        str(NIGHTLY_FILE.with_name("recommendation_flow.py")),
        "run",
        "--run-id-file",
        str(nightly.run_id_path("demo")),
        "--dataset",
        "demo",
        "--max-workers",
        "2",
    ]
