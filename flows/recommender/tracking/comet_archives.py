"""Comet's archives: what runs recorded offline, sent later.

Stage: after a run, by hand. In: data/comet and COMET_API_KEY. Out: online experiments; what arrived moves to
`uploaded/`.

    python -m recommender.tracking.comet_archives upload
"""

import argparse
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from recommender.project_paths import comet_dir, keep_private, set_environment_defaults

UPLOAD_COMMAND = "make comet-upload"
UPLOADED_FOLDER = "uploaded"


def upload_archives(archive_dir: Path) -> int:
    """Send every finished archive of a folder with Comet's own command and move what arrived to `uploaded/`.

    Returns the number of archives that did not arrive; they stay, and upload.log holds all that Comet said.
    """
    archives = sorted(archive_dir.glob("*.zip"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    finished = [archive for archive in archives if _is_finished(archive)]
    print(f"{len(finished)} archives to send, {len(archives) - len(finished)} unfinished ones left out", flush=True)
    (archive_dir / UPLOADED_FOLDER).mkdir(parents=True, exist_ok=True)
    failures = 0
    for number, archive in enumerate(finished, start=1):
        is_sent = _upload(archive, archive_dir / "upload.log")
        failures += not is_sent
        print(f"{number}/{len(finished)} {archive.name}: {'sent' if is_sent else 'not sent'}", flush=True)
        if is_sent:
            archive.replace(archive_dir / UPLOADED_FOLDER / archive.name)
    if failures:
        print(f"{failures} archives were not sent; {archive_dir / 'upload.log'} says why.", file=sys.stderr)
    return failures


def remove_older_archives(archive_dir: Path, kept: int) -> int:
    """Remove all but the newest archives, sent or not; returns how many went."""
    archives = [*archive_dir.glob("*.zip"), *(archive_dir / UPLOADED_FOLDER).glob("*.zip")]
    newest_first = sorted(archives, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    for path in newest_first[kept:]:
        path.unlink(missing_ok=True)
    return len(newest_first[kept:])


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m recommender.tracking.comet_archives", description="Comet's archives."
    )
    parser.add_argument("action", choices=["upload"])
    parser.parse_args(arguments)
    if not os.environ.get("COMET_API_KEY"):
        print(f"COMET_API_KEY is not set; set it to your Comet key to send {comet_dir()}.", file=sys.stderr)
        return 1
    set_environment_defaults()
    keep_private()
    return 1 if upload_archives(comet_dir()) else 0


def _is_finished(archive: Path) -> bool:
    """Whether an archive was written to its end; Comet makes it empty and fills it when the experiment ends."""
    try:
        with zipfile.ZipFile(archive) as content:
            return "experiment.json" in content.namelist()
    except zipfile.BadZipFile:
        return False


def _upload(archive: Path, log_path: Path) -> bool:
    """Send one archive, appending Comet's output to the log; returns whether it arrived.

    What Comet itself kept of an experiment that began online, `KEY-SUFFIX.zip`, goes up as a new experiment.
    """
    began_online = ["--force-upload"] if "-" in archive.stem else []
    command = [sys.executable, "-m", "comet_ml.scripts.comet_upload", *began_online, str(archive)]
    environment = {**os.environ, "COMET_LOGGING_CONSOLE": "INFO"}
    with log_path.open("a") as log:
        done = subprocess.run(command, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
