"""Files of a generated shop, damaged as feeds are: what stops a run, what warns, and what the next night compares with.

The files go through the check of every run and are measured as they lie.
"""

import json
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from s3_server import BUCKET, s3_server

from data.raw_folder import write_origin
from data.raw_schema import check_raw_files
from data.synthetic_hm import LAST_DAY, generate
from recommender.alarms import Alarm, Kind, Level
from recommender.config import DEFAULT_FILE, read_file
from recommender.nights.arrivals import FILE, NotTonightsData, check_arrivals
from recommender.project_paths import reports_dir, run_dir
from recommender.release.early_refusal import leave_refusal, refusal_file
from recommender.release.registry import Decision

SETTINGS = read_file(DEFAULT_FILE)["arrivals"]
TRANSACTIONS = "transactions_train.csv"
ONE_DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def own_data(monkeypatch, tmp_path):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("STATE_URL", raising=False)


@pytest.fixture(scope="module")
def good_files(tmp_path_factory):
    """Files of a shop of 6,000 customers that sells some 200 articles a day."""
    return generate(tmp_path_factory.mktemp("raw") / "shop", customers=6_000, articles=300, days=140, seed=3).raw_dir


@pytest.fixture
def raw(good_files, tmp_path):
    """A copy of them, to be damaged."""
    return Path(shutil.copytree(good_files, tmp_path / "raw"))


def decision(run_id: str) -> Decision:
    """What the registry knows of a run that published."""
    return Decision(run_id, "demo", "", {}, {}, "passed", "", {}, "a version", None, {})


def arrive(raw: Path, run_id: str, served: str | None = None, reason: str = "", today: date | None = None):
    """Let tonight's files in; returns the warnings."""
    champion = decision(served) if served else None
    return check_arrivals(
        check_raw_files(raw), "demo", run_id, champion, SETTINGS, reason, today or LAST_DAY + ONE_DAY, lambda _: None
    )


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines(keepends=True)


def keep_lines(path: Path, is_kept) -> None:
    header, *lines = lines_of(path)
    path.write_text("".join([header, *filter(is_kept, lines)]))


def refused(raw: Path, **how) -> NotTonightsData:
    with pytest.raises(NotTonightsData) as caught:
        arrive(raw, "2", served="1", **how)
    return caught.value


def test_a_night_without_a_new_day_is_late_once_new_days_came(raw):
    full = (raw / TRANSACTIONS).read_text()
    assert arrive(raw, "1") == arrive(raw, "2") == []  # a collection that does not grow
    keep_lines(raw / TRANSACTIONS, lambda line: line < f"{LAST_DAY}")
    reports_dir("demo").joinpath(FILE).unlink()
    arrive(raw, "3", today=LAST_DAY)
    (raw / TRANSACTIONS).write_text(full)
    assert arrive(raw, "4", served="3") == []
    (alarm,) = arrive(raw, "5", served="4")
    assert alarm.text.startswith("the last purchase is of 2020-09-22, as when run 4, which is served, saw the files")
    assert arrive(raw, "6", served="5") == []  # told once


def test_a_new_day_is_let_in_and_remembered_with_its_run(raw):
    full = (raw / TRANSACTIONS).read_text()
    keep_lines(raw / TRANSACTIONS, lambda line: not line.startswith(f"{LAST_DAY}"))
    assert arrive(raw, "1", today=LAST_DAY) == []
    (raw / TRANSACTIONS).write_text(full)
    assert arrive(raw, "2", served="1") == []
    in_runs = [json.loads((run_dir("demo", run) / FILE).read_text()) for run in ("1", "2")]
    assert [max(each["rows_by_day"]) for each in in_runs] == [f"{LAST_DAY - ONE_DAY}", f"{LAST_DAY}"]
    assert json.loads((reports_dir("demo") / FILE).read_text()) == in_runs[1]


def test_two_thirds_of_a_file_cut_at_a_line_end_are_refused_with_all_that_was_found(raw):
    arrive(raw, "1")
    lines = lines_of(raw / TRANSACTIONS)
    (raw / TRANSACTIONS).write_text("".join(lines[: len(lines) * 2 // 3]))

    error = refused(raw)

    assert str(error).startswith("these are not tonight's data: the last purchase is of 2020-07-31, ")
    assert "but run 1, which is served, saw purchases up to 2020-09-22; bring the newer files. " in str(error)
    assert "that run 1, which is served, saw are gone (33%)" in str(error)
    assert "also, the last purchase is of" in str(error)  # late, by the clock
    assert str(error).endswith('say why: FORCE_REASON="..." to make, --force-reason to the flow')
    assert [each.level for each in error.alarms] == [Level.WARNING, Level.STOP, Level.STOP]
    assert {each.kind for each in error.alarms} == {Kind.DATA}


def test_files_that_were_refused_are_not_what_the_next_night_compares_with(raw):
    arrive(raw, "1")
    full = (raw / TRANSACTIONS).read_text()
    (raw / TRANSACTIONS).write_text("".join(lines_of(raw / TRANSACTIONS)[:20_000]))
    refused(raw)
    (raw / TRANSACTIONS).write_text(full)
    assert not (run_dir("demo", "2") / FILE).exists()
    assert arrive(raw, "3", served="1") == []


def test_files_are_compared_with_the_last_night_as_well_as_with_the_one_that_is_served(raw):
    full = (raw / TRANSACTIONS).read_text()
    keep_lines(raw / TRANSACTIONS, lambda line: line < f"{LAST_DAY - ONE_DAY}")
    older = (raw / TRANSACTIONS).read_text()
    arrive(raw, "1", today=LAST_DAY - ONE_DAY)
    (raw / TRANSACTIONS).write_text(full)
    arrive(raw, "2", served="1")  # let in, and refused for its lists
    (raw / TRANSACTIONS).write_text(older)
    with pytest.raises(NotTonightsData, match="run 2, the last one, saw purchases up to 2020-09-22"):
        arrive(raw, "3", served="1", today=LAST_DAY)


def test_after_a_rollback_the_run_that_is_served_is_compared_with(raw):
    full = (raw / TRANSACTIONS).read_text()
    arrive(raw, "1")
    (raw / TRANSACTIONS).write_text(full.replace(",2\n", ",2\n", 1))
    arrive(raw, "2", served="1")
    (reports_dir("demo") / FILE).unlink()
    (raw / TRANSACTIONS).write_text("".join(lines_of(raw / TRANSACTIONS)[:20_000]))
    with pytest.raises(NotTonightsData, match="run 1, which is served"):
        arrive(raw, "3", served="1")


def double_the_last_day(raw: Path) -> None:
    lines = lines_of(raw / TRANSACTIONS)
    (raw / TRANSACTIONS).write_text("".join([*lines, *(each for each in lines if each.startswith(f"{LAST_DAY}"))]))


def multiply_prices(raw: Path, is_changed=lambda day: True) -> None:
    header, *lines = lines_of(raw / TRANSACTIONS)
    rows = [line.split(",") for line in lines]
    for row in rows:
        row[3] = f"{float(row[3]) * 100:.6f}" if is_changed(row[0]) else row[3]
    (raw / TRANSACTIONS).write_text("".join([header, *map(",".join, rows)]))


def rename_customers(raw: Path) -> None:
    for name in (TRANSACTIONS, "customers.csv"):
        header, *lines = lines_of(raw / name)
        at = header.split(",").index("customer_id")
        rows = [line.split(",") for line in lines]
        for row in rows:
            row[at] = f"C-{row[at][:12]}"
        (raw / name).write_text("".join([header, *map(",".join, rows)]))


def lose_half_of_the_customers(raw: Path) -> None:
    keep_lines(raw / "customers.csv", lambda line: line < "8")
    keep_lines(raw / TRANSACTIONS, lambda line: line.split(",")[1] < "8")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (rename_customers, "100% of the ids have 14 characters, where run 1, which is served, saw 64 hexadecimal"),
        (lose_half_of_the_customers, "customers.csv has 3,0"),
    ],
)
def test_what_is_surely_a_mistake_stops_the_run(raw, damage, words):
    arrive(raw, "1")
    damage(raw)
    assert words in str(refused(raw))


def test_a_day_at_a_hundred_times_the_prices_is_told(raw):
    full = (raw / TRANSACTIONS).read_text()
    keep_lines(raw / TRANSACTIONS, lambda line: not line.startswith(f"{LAST_DAY}"))
    arrive(raw, "1", today=LAST_DAY)
    (raw / TRANSACTIONS).write_text(full)
    multiply_prices(raw, lambda day: day == f"{LAST_DAY}")
    (alarm,) = arrive(raw, "2", served="1")
    assert alarm.text.startswith("the articles bought on 2020-09-22 cost 1")


def close_a_day(raw: Path) -> None:
    keep_lines(raw / TRANSACTIONS, lambda line: not line.startswith(f"{LAST_DAY - ONE_DAY}"))


def leave_a_few_rows(raw: Path) -> None:
    lines = lines_of(raw / TRANSACTIONS)
    last = [each for each in lines if each.startswith(f"{LAST_DAY}")]
    kept = set(last[:: len(last) // 3 + 1])
    keep_lines(raw / TRANSACTIONS, lambda line: not line.startswith(f"{LAST_DAY}") or line in kept)


def add_a_department(raw: Path) -> None:
    header, *lines = lines_of(raw / "articles.csv")
    department = header.split(",").index("department_name")
    row = lines[0].split(",")
    lines[0] = lines[0].replace(f",{row[department]},", ",Garden,", 1)
    (raw / "articles.csv").write_text("".join([header, *lines]))


def add_a_column(raw: Path) -> None:
    header, *lines = lines_of(raw / "customers.csv")
    (raw / "customers.csv").write_text(
        "".join([header.replace("\n", ",shoe_size\n"), *(line.replace("\n", ",42\n") for line in lines)])
    )


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (close_a_day, "nothing was bought on 2020-09-21"),
        (leave_a_few_rows, "2020-09-22 has 3 purchases, where about "),
        (double_the_last_day, "every purchase of 2020-09-22 is there twice; bring each day once"),
        (multiply_prices, "are 100 times what run 1, which is served, saw"),
        (add_a_department, "did not know: Garden, with 1 article;"),
        (add_a_column, "customers.csv has shoe_size as well, unlike that of run 1, which is served"),
    ],
)
def test_what_may_be_right_warns(raw, damage, words):
    full = (raw / TRANSACTIONS).read_text()
    keep_lines(raw / TRANSACTIONS, lambda line: line < f"{LAST_DAY - ONE_DAY}")
    arrive(raw, "1", today=LAST_DAY - ONE_DAY)
    (raw / TRANSACTIONS).write_text(full)
    damage(raw)
    (alarm,) = arrive(raw, "2", served="1")
    assert words in alarm.text
    assert (alarm.kind, alarm.level) == (Kind.DATA, Level.WARNING)


def test_with_a_reason_a_stop_becomes_a_warning_that_keeps_it(raw):
    arrive(raw, "1")
    lose_half_of_the_customers(raw)
    lost_rows, lost_ids = arrive(raw, "2", served="1", reason="a test of ours")
    assert {each.level for each in (lost_rows, lost_ids)} == {Level.WARNING}
    assert lost_ids.text.endswith("saw it; bring all of it (let in: a test of ours)")
    assert arrive(raw, "3", served="2") == []  # that night saw it


def test_the_settings_say_what_stops(raw):
    arrive(raw, "1")
    double_the_last_day(raw)
    settings = {**SETTINGS, "stops": ["repeated_day"]}
    with pytest.raises(NotTonightsData, match="every purchase of 2020-09-22 is there twice"):
        check_arrivals(check_raw_files(raw), "demo", "2", None, settings, today=LAST_DAY + ONE_DAY)
    alarms = arrive(raw, "2")
    assert [each.level for each in alarms] == [Level.WARNING]


def test_a_day_in_two_files_is_told(raw):
    summary = replace(check_raw_files(raw), in_two_files=("2020-09-22 is in a.csv and in b.csv",))
    said = []
    (alarm,) = check_arrivals(summary, "demo", "1", None, SETTINGS, today=LAST_DAY + ONE_DAY, warn=said.append)
    assert alarm.text == "2020-09-22 is in a.csv and in b.csv"
    assert said == [f"warning: {alarm.text}"]


@pytest.mark.parametrize("text", ["{", '{"run_id": "1"}', '{"run_id": "1", "files": {}, "more": 1}', "[]"])
def test_a_profile_that_cannot_be_read_is_said_and_compares_nothing(raw, text):
    arrive(raw, "1")
    for path in (run_dir("demo", "1") / FILE, reports_dir("demo") / FILE):
        path.write_text(text)
    said = []
    served = decision("1")
    check_arrivals(check_raw_files(raw), "demo", "2", served, SETTINGS, today=LAST_DAY + ONE_DAY, warn=said.append)
    assert len(said) == 2 and all("tonight's files are not compared with it" in each for each in said)


def test_what_this_project_generated_itself_is_not_compared(raw):
    arrive(raw, "1")
    double_the_last_day(raw)
    write_origin(raw, {"scale": {}})
    assert arrive(raw, "2", served="1") == []


def test_a_run_of_a_release_that_kept_no_profile_compares_nothing(raw):
    assert arrive(raw, "2", served="1") == []


def test_a_machine_that_was_not_there_last_night_knows_what_it_saw(raw, monkeypatch, tmp_path):
    with s3_server(monkeypatch):
        monkeypatch.setenv("STATE_URL", f"s3://{BUCKET}/state")
        arrive(raw, "1")
        monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / "another machine"))
        lines = lines_of(raw / TRANSACTIONS)
        (raw / TRANSACTIONS).write_text("".join(lines[: len(lines) * 2 // 3]))
        assert "run 1, which is served, saw purchases up to 2020-09-22" in str(refused(raw))


def test_the_refusal_that_the_nightly_command_reads_has_every_alarm(raw):
    arrive(raw, "1")
    lose_half_of_the_customers(raw)
    error = refused(raw)
    leave_refusal("demo", "2", error)
    left = json.loads(refusal_file("demo").read_text())
    assert [Alarm.from_dict(each) for each in left["alarms"]] == error.alarms
    assert (left["verdict"], left["verdict_reason"]) == ("refused", str(error))
