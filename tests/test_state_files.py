"""Files that every machine sees: two data folders, a real S3 protocol server between them."""

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from s3_server import BUCKET, Fault, s3_server
from werkzeug.serving import WSGIRequestHandler

import nightly
from data.fetching import s3_client
from recommender import object_store, project_paths, state_files
from recommender.object_store import TRAFFIC, StoreFailed
from recommender.release.kept_lists import NotKept, kept_lists
from recommender.release.registry import read
from recommender.release.republish import kept_runs, lists_folder
from recommender.release.run_folders import remove_older_runs
from recommender.state_changes import change
from recommender.state_files import default_state_url, folders, here, keep, names, own, remove
from recommender.state_manifests import AttemptIsOver


@pytest.fixture
def server(monkeypatch):
    """The server, and STATE_URL below its bucket."""
    with s3_server(monkeypatch) as started:
        monkeypatch.setenv("STATE_URL", f"s3://{BUCKET}/state")
        object_store.object_store.cache_clear()  # its client knows another server
        yield started


@pytest.fixture
def on(monkeypatch, tmp_path):
    """Go on as a new process on a machine of a name."""

    def go_on(name: str) -> None:
        monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path / name))
        monkeypatch.setattr(state_files, "_manifests", {})
        monkeypatch.setattr(state_files, "_checked", set())
        monkeypatch.setattr(state_files, "_own", {})

    go_on("here")
    return go_on


def marts() -> project_paths.DataPath:
    return project_paths.run_dir("demo", "17") / "marts"


def write(folder, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def gets(server, part: str) -> list[str]:
    """The objects that were fetched, manifests left out."""
    return [each for each in server.requests if re.match(rf"GET (?!.*manifest).*{part}", each)]


def test_on_one_disk_nothing_is_copied_and_nothing_is_asked(on, monkeypatch, tmp_path):
    monkeypatch.delenv("STATE_URL", raising=False)
    write(marts(), a="1")
    assert keep(marts()) == here(marts()) == marts()
    assert list(folders(marts().parent.parent, "*/marts")) == [marts()]
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["a"]
    remove(marts())
    assert not marts().exists()


def test_another_machine_reads_what_one_kept_and_only_what_it_asks_for(server, on):
    write(marts(), a="first", customer_features__monday="second", customer_features__tuesday="third")
    keep(marts())
    on("there")
    assert here(marts() / "customer_features" / "monday").read_text() == "second"
    assert [each.name for each in marts().rglob("*") if each.is_file()] == ["monday"]
    assert sorted(each.read_text() for each in here(marts()).rglob("*") if each.is_file()) == [
        "first",
        "second",
        "third",
    ]
    assert len(gets(server, "/monday/")) == 1


def test_what_is_there_does_not_go_up_again(server, on):
    write(marts(), a="first " * 1000, b="second " * 1000)
    keep(marts())
    write(marts(), b="another " * 1000)
    before = TRAFFIC.uploaded
    keep(marts())
    assert TRAFFIC.uploaded - before < 9_000  # the second file and the manifest
    assert len([each for each in server.requests if each.startswith("PUT") and "/a/" in each]) == 1
    assert len(server.stored_keys("state/runs/demo/17/marts/b/")) == 1  # what was replaced is gone
    on("there")
    assert here(marts() / "b").read_text().startswith("another")


def test_a_process_fetches_nothing_twice_and_the_next_nothing_that_is_on_its_disk(server, on):
    write(marts(), a="first")
    keep(marts())
    on("there")
    for _ in range(3):
        here(marts() / "a")
    on("there")
    here(marts())
    assert len(gets(server, "/a/")) == 1


def test_a_file_of_an_earlier_attempt_is_replaced(server, on):
    write(marts(), a="kept")
    keep(marts())
    on("there")
    write(marts(), a="else")
    assert here(marts() / "a").read_text() == "kept"


def test_a_step_that_is_done_again_reads_what_it_writes_and_not_what_was_kept_before(server, on):
    write(marts(), a="by the code before", b="left out by the new one")
    keep(marts())
    on("there")
    own(marts())
    write(marts(), a="by the new code")
    assert here(marts() / "a").read_text() == "by the new code"
    assert names(marts()) == ["a"]
    keep(marts())
    on("here")  # where a file of before still lies
    assert here(marts() / "a").read_text() == "by the new code"
    assert names(marts()) == ["a"]


def test_the_nearest_folder_that_was_kept_is_asked(server, on):
    published = project_paths.run_dir("demo", "17") / "published"
    write(published, weights="w")
    keep(published)
    write(published, lists__run="r")
    keep(published / "lists")
    for place, text in (("lists/run", "r"), ("weights", "w"), ("lists/run", "r")):
        on(f"there for {place[:1]}{text}")
        there = project_paths.run_dir("demo", "17") / "published"
        assert here(there / "weights").read_text() == "w"
        assert here(there / place).read_text() == text


def test_a_file_that_was_kept_by_itself_in_a_kept_folder_is_found(server, on):
    published = project_paths.run_dir("demo", "17") / "published"
    write(published, weights="w")
    keep(published)
    write(published, stages="s")
    keep(published / "stages")
    on("there")
    there = project_paths.run_dir("demo", "17") / "published"
    assert here(there / "stages").read_text() == "s"
    assert not here(there / "never").exists()


def test_a_killed_step_leaves_nothing_that_looks_whole(server, on):
    write(marts(), a="first", b="second")
    server.faults.append(Fault("PUT .*manifest", status=403))
    with pytest.raises(StoreFailed, match="marts/manifest.json cannot be written"):
        keep(marts())
    server.faults.clear()
    on("there")
    assert not here(marts()).exists()
    on("here")
    server.requests.clear()
    keep(marts())  # the attempt that follows
    assert [each for each in server.requests if each.startswith("PUT")] == [
        f"PUT /{BUCKET}/state/runs/demo/17/marts/manifest.json"
    ]


def test_what_was_never_kept_stays_missing(server, on):
    assert not here(marts() / "a").exists()
    assert not here(project_paths.reports_dir("demo") / "report.json").exists()


def test_a_path_elsewhere_is_nobody_elses(server, on, tmp_path):
    assert here(tmp_path / "settings.toml") == tmp_path / "settings.toml"
    assert server.requests == []


def test_an_object_that_was_lost_is_named(server, on):
    write(marts(), a="first")
    keep(marts())
    (key,) = server.stored_keys("state/runs/demo/17/marts/a/")
    server.client.delete_object(Bucket=BUCKET, Key=key)
    on("there")
    with pytest.raises(StoreFailed, match=rf"s3://{BUCKET}/{key} is gone"):
        here(marts())
    assert not (marts() / "a").exists()


def test_a_folder_that_is_kept_again_while_it_is_read_is_read_as_it_is_now(server, on):
    write(marts(), a="first", b="same")
    keep(marts())
    on("there")
    here(marts() / "b")
    known = dict(state_files._manifests)
    on("here")
    write(marts(), a="second")
    keep(marts())
    on("there")
    state_files._manifests.update(known)
    assert here(marts() / "a").read_text() == "second"


def test_two_that_keep_a_folder_at_once_leave_it_whole(server, on, monkeypatch):
    write(marts(), a="first")
    keep(marts())
    write_object = object_store.ObjectStore.write

    def write_after_another_machine(store, *arguments) -> None:
        monkeypatch.setattr(object_store.ObjectStore, "write", write_object)
        on("there")
        write(marts(), a="second")
        keep(marts())
        on("here")
        write_object(store, *arguments)

    monkeypatch.setattr(object_store.ObjectStore, "write", write_after_another_machine)
    keep(marts())
    on("elsewhere")
    assert here(marts() / "a").read_text() == "first"


@pytest.fixture
def clock(monkeypatch):
    """Set the store's clock to a second of one minute."""

    def set_clock(second: int) -> None:
        monkeypatch.setattr(object_store.ObjectStore, "clock", lambda _: f"2020-09-23T03:00:{second:02}+00:00")

    return set_clock


def test_an_attempt_that_was_given_up_ends_too_late_to_replace_its_retry(server, on, clock):
    clock(1)
    own(marts())
    write(marts(), a="of the first attempt")
    first = dict(state_files._own)
    on("there")
    clock(2)
    own(marts())
    write(marts(), a="of its retry")
    keep(marts())
    on("here")
    state_files._own.update(first)
    with pytest.raises(
        AttemptIsOver, match="s3://shop/state/runs/demo/17/marts is kept by an attempt that began at .*02"
    ):
        keep(marts())
    on("elsewhere")
    assert here(marts() / "a").read_text() == "of its retry"


def test_a_retry_replaces_what_the_attempt_before_kept_meanwhile(server, on, clock):
    clock(1)
    own(marts())
    write(marts(), a="of the first attempt")
    first = dict(state_files._own)
    on("there")
    clock(2)
    own(marts())
    retry = dict(state_files._own)
    on("here")
    state_files._own.update(first)
    keep(marts())
    on("there")
    state_files._own.update(retry)
    write(marts(), a="of its retry")
    keep(marts())
    on("elsewhere")
    assert here(marts() / "a").read_text() == "of its retry"


def test_the_clock_is_the_stores_own_whatever_this_machines_says(server, monkeypatch):
    monkeypatch.setattr(WSGIRequestHandler, "date_time_string", lambda *_: "Wed, 23 Sep 2020 03:00:01 GMT")
    assert object_store.object_store(f"s3://{BUCKET}/state").clock() == "2020-09-23T03:00:01+00:00"


def test_a_file_that_was_removed_here_since_it_came_comes_again(server, on):
    write(marts(), a="first")
    keep(marts())
    on("there")
    here(marts() / "a").unlink()
    assert here(marts() / "a").read_text() == "first"


def test_an_object_that_was_damaged_is_named_and_not_used(server, on):
    write(marts(), a="first")
    keep(marts())
    (key,) = server.stored_keys("state/runs/demo/17/marts/a/")
    server.client.put_object(Bucket=BUCKET, Key=key, Body=b"fIrst")
    on("there")
    with pytest.raises(StoreFailed, match=rf"s3://{BUCKET}/{key} is not what was kept"):
        here(marts())
    assert list(marts().iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"a": 1}', b'{"a": {"bytes": 1}}'])
def test_a_manifest_that_was_damaged_is_named(server, on, content):
    key = "state/runs/demo/17/marts/manifest.json"
    server.client.put_object(Bucket=BUCKET, Key=key, Body=content)
    with pytest.raises(StoreFailed, match=rf"s3://{BUCKET}/{key} is no manifest"):
        here(marts())


def test_a_single_file_that_was_damaged_is_named_and_not_used(server, on):
    report = project_paths.reports_dir("demo") / "report"
    write(report.parent, report="monday")
    keep(report)
    noted = {"sha256": object_store.file_checksum(report)}
    server.client.put_object(Bucket=BUCKET, Key="state/reports/demo/report", Body=b"mOnday", Metadata=noted)
    on("there")
    there = project_paths.reports_dir("demo") / "report"
    with pytest.raises(StoreFailed, match=rf"s3://{BUCKET}/state/reports/demo/report is not what was kept"):
        here(there)
    assert not there.exists()


@pytest.mark.parametrize(("status", "code"), [(403, "403|AccessDenied"), (500, "500|InternalError")])
def test_a_refusing_store_is_named_with_bucket_and_key(server, on, status, code):
    write(marts(), a="first")
    server.faults.append(Fault("PUT .*/a/", status=status))
    with pytest.raises(
        StoreFailed, match=rf"s3://{BUCKET}/state/runs/demo/17/marts/a/\w+ cannot be written .*({code})"
    ):
        keep(marts())
    server.faults.clear()
    keep(marts())
    on("there")
    server.faults.append(Fault("(GET|HEAD) .*/a/", status=status))
    with pytest.raises(StoreFailed, match=rf"s3://{BUCKET}/state/runs/demo/17/marts/a/\w+ cannot be read .*({code})"):
        here(marts())


def test_a_store_that_stumbles_once_is_asked_again(server, on):
    write(marts(), a="first")
    server.faults += [Fault("PUT .*/a/", status=500, times=1), Fault("GET .*manifest", status=500, times=1)]
    keep(marts())
    on("there")
    assert here(marts() / "a").read_text() == "first"


def test_a_store_that_is_too_slow_is_named(server, on, monkeypatch):
    write(marts(), a="first")
    keep(marts())
    on("there")
    monkeypatch.setattr(s3_client, "READ_TIMEOUT_SECONDS", 0.2)
    object_store.object_store.cache_clear()
    server.faults.append(Fault("(GET|HEAD) .*/a/", seconds=1))
    with pytest.raises(StoreFailed, match=rf"s3://{BUCKET}/state/runs/demo/17/marts/a/.* cannot be read .*timed? ?out"):
        here(marts())
    assert not (marts() / "a").exists()
    object_store.object_store.cache_clear()


def test_a_download_that_hangs_is_given_up_after_six_attempts(server, on, monkeypatch):
    write(marts(), a="first")
    keep(marts())
    on("there")
    monkeypatch.setattr(s3_client, "READ_TIMEOUT_SECONDS", 0.2)
    object_store.object_store.cache_clear()
    server.faults.append(Fault("GET .*/a/[0-9a-f]{16}", seconds=0.5))
    with pytest.raises(StoreFailed, match=rf"s3://{BUCKET}/state/runs/demo/17/marts/a/.* cannot be read"):
        here(marts())
    assert len(gets(server, "/a/[0-9a-f]{16}")) == 6
    object_store.object_store.cache_clear()


def test_a_store_that_is_not_there_is_named(on, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("STATE_URL", "s3://nowhere/state")
    write(marts(), a="first")
    with pytest.raises(StoreFailed, match=r"s3://nowhere/state/.* cannot be .*AWS_ENDPOINT_URL"):
        keep(marts())


def test_an_address_that_is_none_is_refused(on, monkeypatch):
    monkeypatch.setenv("STATE_URL", "/mnt/state")
    with pytest.raises(StoreFailed, match="STATE_URL: '/mnt/state' is not an S3 folder"):
        keep(marts())


@pytest.mark.parametrize(
    ("name", "value"),
    [("AWS_ENDPOINT_URL", "localhost:9000"), ("AWS_PROFILE", "nobody"), ("AWS_DEFAULT_REGION", "no region")],
)
def test_settings_that_boto3_cannot_use_are_told(on, monkeypatch, name, value):
    monkeypatch.setenv("STATE_URL", "s3://nowhere/state")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv(name, value)
    object_store.object_store.cache_clear()
    with pytest.raises(StoreFailed, match=rf"s3://nowhere/state/ cannot be asked .*{value}.*{name}"):
        here(marts())


def test_a_single_file_is_the_newest_everywhere(server, on):
    def report():
        return project_paths.reports_dir("demo") / "report"

    write(report().parent, report="monday")
    keep(report())
    on("there")
    assert here(report()).read_text() == here(report()).read_text() == "monday"
    assert len(gets(server, "report")) == 1
    write(report().parent, report="tuesday")
    keep(report())
    on("here")
    assert here(report()).read_text() == "tuesday"


def test_a_night_that_published_on_this_disk_is_told_though_the_store_fails(server, on):
    report = {"run_id": "17", "verdict": "passed", "verdict_reason": "good", "published": {"version": "v"}}
    write(project_paths.reports_dir("demo"), **{"report.json": json.dumps(report)})
    leave = f"import pathlib; pathlib.Path({str(nightly.run_id_path('demo'))!r}).write_text('17')"
    server.faults.append(Fault("GET .*reports", status=403))
    assert nightly.run_night("demo", [sys.executable, "-c", leave]) == nightly.ExitCode.PUBLISHED


def test_lines_that_machines_add_at_once_are_all_there(server, monkeypatch, tmp_path):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))
    registry = project_paths.registry_file("demo")

    def add(line: str, file) -> None:
        with file.open("a") as lines:
            lines.write(line)

    def add_while_another_does(file) -> None:
        add("b", file)
        if not others:
            others.append("c")
            server.client.put_object(Bucket=BUCKET, Key="state/registry/demo.jsonl", Body=b"ac")

    others: list[str] = []
    change(registry, partial(add, "a"))
    change(registry, add_while_another_does)
    assert registry.read_text() == "acb"
    assert server.client.get_object(Bucket=BUCKET, Key="state/registry/demo.jsonl")["Body"].read() == b"acb"


def test_many_that_change_a_file_at_once_on_one_disk_all_succeed(server, on):
    registry = project_paths.registry_file("demo")

    def add(line: str, file) -> None:
        lines = file.read_text().split() if file.exists() else []
        file.write_text("\n".join([*lines, line]))

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(lambda line: change(registry, partial(add, line)), map(str, range(12))))
    assert sorted(here(registry).read_text().split(), key=int) == [str(number) for number in range(12)]
    assert [each.name for each in registry.parent.iterdir()] == [registry.name]


def test_decisions_of_one_machine_alone_are_set_aside_and_told(server, on, capsys):
    server.client.put_object(Bucket=BUCKET, Key="state/registry/demo.jsonl", Body=b"{}\n")
    registry = project_paths.registry_file("demo")
    write(registry.parent, **{registry.name: "{}\nmade without STATE_URL\n"})
    for _ in range(2):
        read(registry, lambda _: None)
    assert registry.read_text() == "{}\n"
    (aside,) = registry.parent.glob(f"{registry.name}.*")
    assert aside.read_text() == "{}\nmade without STATE_URL\n"
    assert capsys.readouterr().err.count(str(aside)) == 1


def test_a_change_that_fails_leaves_the_file_as_it_was(server, on):
    registry = project_paths.registry_file("demo")
    write(registry.parent, **{registry.name: "local"})
    server.faults.append(Fault("PUT .*registry", status=403))
    with pytest.raises(StoreFailed, match="registry/demo.jsonl cannot be written"):
        change(registry, lambda file: file.write_text("changed"))
    assert registry.read_text() == "local"


def test_what_is_removed_is_gone_everywhere(server, on):
    weeks = marts().parent / "weeks"
    write(weeks / "monday", a="1")
    write(marts(), a="1")
    keep(weeks / "monday")
    keep(marts())
    remove(weeks)
    assert [key for key in server.stored_keys() if "/weeks/" in key] == []
    on("there")
    assert not here(weeks / "monday").exists()
    assert here(marts() / "a").exists()


def refused_from(server, monkeypatch, nth: int, status: str, body: str) -> None:
    """Let the server answer removals, from the nth on, with an error."""
    answer, removals = server._answer, []

    def answer_some(environ, start_response):
        removals.extend(["one"] if environ["REQUEST_METHOD"] == "POST" else [])
        if environ["REQUEST_METHOD"] != "POST" or len(removals) < nth:
            return answer(environ, start_response)
        start_response(status, [("Content-Type", "application/xml")])
        return [body.encode()]

    monkeypatch.setattr(server, "_answer", answer_some)


def test_a_removal_that_ends_half_way_leaves_nothing_that_looks_whole(server, on, monkeypatch):
    write(marts(), a="1", z="2")
    keep(marts())
    monkeypatch.setattr(object_store, "KEYS_PER_REMOVAL", 1)
    refused_from(server, monkeypatch, 2, "403 fault", "<Error><Code>AccessDenied</Code></Error>")
    with pytest.raises(StoreFailed, match="cannot be removed"):
        remove(marts())
    assert [key.split("/")[-2] for key in server.stored_keys()] == ["a", "z"]
    on("there")
    assert not here(marts()).exists()


def test_an_object_that_may_not_be_removed_is_named(server, on, monkeypatch):
    write(marts(), a="1")
    keep(marts())
    (key,) = server.stored_keys("state/runs/demo/17/marts/a/")
    refused = f"<Error><Key>{key}</Key><Code>AccessDenied</Code></Error>"
    refused_from(server, monkeypatch, 1, "200 OK", f"<DeleteResult>{refused}</DeleteResult>")
    with pytest.raises(StoreFailed, match=rf"s3://{BUCKET}/{key} cannot be removed \(AccessDenied\)"):
        remove(marts())


def test_runs_of_other_machines_are_found(server, on):
    write(marts(), a="1")
    keep(marts())
    keep(marts())
    on("there")
    other = project_paths.run_dir("demo", "18") / "marts"
    write(other, a="1")
    found = folders(other.parent.parent, "*/marts")
    assert sorted(found) == [marts(), other]
    assert folders(other.parent.parent, "*/published/lists") == {}


def test_a_run_that_another_machine_removed_is_no_run_that_can_be_published(server, on):
    write(lists_folder("demo", "17"), **{"run.json": "{}", "customers.parquet": "c"})
    keep(lists_folder("demo", "17"))
    on("there")
    here(lists_folder("demo", "17") / "run.json")
    assert kept_runs("demo") == ["17"]
    on("here")
    remove(marts().parent)
    on("there")
    assert kept_runs("demo") == []
    with pytest.raises(NotKept):
        kept_lists(lists_folder("demo", "17"))


def test_what_was_fetched_of_a_removed_run_takes_no_younger_ones_place(server, on):
    write(marts(), a="1")
    keep(marts())
    on("there")
    here(marts())
    on("here")
    remove(marts().parent)
    runs = [project_paths.run_dir("demo", str(number)) for number in (18, 19)]
    for run in runs:
        write(run / "marts", a="1")
        keep(run / "marts")
    on("there")
    there = project_paths.run_dir("demo", "19")
    assert [each.name for each in remove_older_runs(there.parent, there, kept=2)] == ["17"]


def test_a_run_that_was_killed_before_its_first_manifest_does_not_stay_for_ever(server, on):
    write(marts(), a="1")
    server.faults.append(Fault("PUT .*manifest", status=403))
    with pytest.raises(StoreFailed):
        keep(marts())
    on("there")
    assert folders(marts().parent.parent, "*/marts") == {}
    remove_older_runs(marts().parent.parent, project_paths.run_dir("demo", "18"), kept=1)
    assert server.stored_keys() == []


def test_manifests_say_what_is_in_a_folder(server, on):
    write(marts(), a="first")
    keep(marts())
    answer = server.client.get_object(Bucket=BUCKET, Key="state/runs/demo/17/marts/manifest.json")
    assert json.loads(answer["Body"].read()) == {
        "a": {"bytes": 5, "sha256": "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e"}
    }


def test_a_flow_whose_artifacts_are_in_s3_keeps_files_beside_them(monkeypatch):
    monkeypatch.delenv("STATE_URL", raising=False)
    assert default_state_url("local", None) == {}
    assert default_state_url("s3", "s3://shop/metaflow/") == {"STATE_URL": "s3://shop/metaflow/recommender"}
    with pytest.raises(StoreFailed, match="--datastore=azure"):
        default_state_url("azure", None)
    monkeypatch.setenv("STATE_URL", "s3://elsewhere")
    assert default_state_url("s3", "s3://shop/metaflow") == {}
