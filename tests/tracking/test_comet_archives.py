"""The command that sends archives, to an address where nobody listens."""

import os
import zipfile

from comet_without_network import closed_port_url

from recommender.tracking import comet_archives
from recommender.tracking.comet_archives import UPLOADED_FOLDER, remove_older_archives
from recommender.tracking.experiment_log import open_experiment

KEY = "0123456789abcdef" * 2


def test_upload_without_a_key_says_so(no_comet_settings, capsys):
    assert comet_archives.main(["upload"]) == 1
    assert "COMET_API_KEY is not set" in capsys.readouterr().err


def test_upload_that_fails_keeps_the_archive_and_leaves_out_unfinished_ones(comet_dir, monkeypatch, capsys):
    with open_experiment(KEY, "base-seed7") as log:
        log.log_metrics({"map@12": 0.5})
    zipfile.ZipFile(comet_dir / "unfinished.zip", "w").close()  # what a killed run leaves
    monkeypatch.setenv("COMET_API_KEY", "a" * 40)
    monkeypatch.setenv("COMET_URL_OVERRIDE", closed_port_url())

    assert comet_archives.main(["upload"]) == 1

    said = capsys.readouterr()
    assert "1 archives to send, 1 unfinished ones left out" in said.out
    assert f"1/1 {KEY}.zip: not sent" in said.out
    assert "upload.log says why" in said.err
    assert (comet_dir / f"{KEY}.zip").exists()
    assert "Connection refused" in (comet_dir / "upload.log").read_text()


def test_the_newest_archives_stay_sent_or_not(tmp_path):
    (tmp_path / UPLOADED_FOLDER).mkdir()
    for age, name in enumerate(
        ["a.zip", f"{UPLOADED_FOLDER}/b.zip", "c.zip", f"{UPLOADED_FOLDER}/d.zip", "upload.log"]
    ):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1_000 + age, 1_000 + age))
    assert remove_older_archives(tmp_path, kept=2) == 2
    assert {each.name for each in tmp_path.rglob("*.*")} == {"c.zip", "d.zip", "upload.log"}
    assert remove_older_archives(tmp_path / "none", kept=2) == 0
