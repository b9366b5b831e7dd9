"""The competition's files by Kaggle's own client, where the user has it and a token.

Stage: raw data, kaggle-hm only. In: the command `kaggle`, on the PATH or beside Python; neither it nor a token is
needed for files that lie in RAW_DIR. Out: the three CSVs in a folder.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from data.raw_errors import RawSourceError
from data.raw_folder import check_room, scratch_beside
from data.raw_layout import RAW_COLUMNS
from data.reading.archives import unpack
from data.reading.failures import failures_named

COMPETITION = "h-and-m-personalized-fashion-recommendations"
COMPETITION_URL = f"https://www.kaggle.com/competitions/{COMPETITION}"
KAGGLE_URL = f"{COMPETITION_URL}/data"
TOKEN_URL = "https://www.kaggle.com/settings/api"
WHERE_TO_GET_THEM = f"Kaggle offers {', '.join(RAW_COLUMNS)} at {KAGGLE_URL}"
BYTES_NEEDED = 4_400_000_000  # the three files, 3.7 GB, and the largest one zipped beside them

_TOKEN_FILES = ("kaggle.json", "access_token", "credentials.json")  # API key, API token, `kaggle auth login`
_BY_HAND = "or download the files yourself and set RAW_DIR to their folder"
# What the releases since 2018 print, and what to say of it; the first that is found.
_FAILURES = (
    (
        r"Max retries exceeded|ConnectionError|Connection (refused|aborted|broken|reset)|[Tt]imed out|"
        r"[Nn]ame resolution|Failed to resolve",
        f"Kaggle cannot be reached; check the network and the proxy, {_BY_HAND}",
    ),
    (
        r"\b401\b|Authentication required|Could not find kaggle\.json|Missing (username|key)",
        f"Kaggle does not accept the token (401); create a new one at {TOKEN_URL} and put it in place of the old",
    ),
    (
        r"\b403\b|Forbidden|accept (this competition's|its) rules|don't have access",
        f"Kaggle refuses (403); join the competition and accept its rules at {COMPETITION_URL}/rules, then run again",
    ),
    (r"\b404\b|Not Found|not found", f"Kaggle has no such file (404); see {KAGGLE_URL}, {_BY_HAND}"),
    (r"\b429\b|Too Many Requests|rate limited", f"Kaggle limits how often you may ask (429); wait an hour, {_BY_HAND}"),
    (r"\b5\d\d Server Error", f"Kaggle has trouble of its own; run again later, {_BY_HAND}"),
)


def download(folder: Path) -> Path:
    """Bring the three files into `folder` unless they are there, each only when it is complete; returns `folder`.

    Raises `RawSourceError` without client or token, when the files have no room, and when Kaggle refuses or cannot be
    reached.
    """
    missing = [name for name in RAW_COLUMNS if not (folder / name).is_file()]
    if missing:
        command = _command()
        folder.mkdir(parents=True, exist_ok=True)
        check_room(folder, BYTES_NEEDED)
    for name in missing:
        print(f"Downloading {name} from Kaggle", flush=True)
        with scratch_beside(folder) as scratch:
            arrived = _fetch(command, name, scratch)
            with failures_named(arrived.name, "run again, or set RAW_DIR to a folder with the files"):
                unpack(arrived, arrived.name, scratch, Path(name).stem).path.replace(folder / name)
    return folder


def _command() -> str:
    """The path of the client.

    Raises `RawSourceError` where it or a token is missing.
    """
    command = shutil.which("kaggle") or shutil.which("kaggle", path=str(Path(sys.executable).parent))
    if command is not None and _has_token():
        return command
    lacking = "the command kaggle is not there" if command is None else "there is no token"
    raise RawSourceError(
        f"RAW_DIR is not set; {WHERE_TO_GET_THEM}: set RAW_DIR to their folder. Or let Kaggle's client download them: "
        f"install it (`pipx install kaggle`), accept the competition's rules, and save your token from {TOKEN_URL} as "
        f"~/.kaggle/kaggle.json; now {lacking}."
    )


def _has_token() -> bool:
    """Whether there is any of the credentials that the client looks for; it alone reads them."""
    if os.environ.get("KAGGLE_API_TOKEN") or (os.environ.get("KAGGLE_USERNAME") and os.environ.get("KAGGLE_KEY")):
        return True
    home = Path.home()
    folders = [home / ".kaggle", Path(os.environ.get("KAGGLE_CONFIG_DIR") or home / ".config" / "kaggle")]
    return any((folder / name).is_file() for folder in folders for name in _TOKEN_FILES)


def _fetch(command: str, name: str, folder: Path) -> Path:
    """The file that arrives for `name`, which is often a zip of it."""
    arguments = ["competitions", "download", "-c", COMPETITION, "-f", name, "-p", str(folder), "-q"]
    try:
        done = subprocess.run(
            [command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as error:  # such as an interpreter that is gone
        raise RawSourceError(f"{command} does not start ({error.strerror}); install it anew, {_BY_HAND}.") from error
    arrived = sorted(folder.glob(f"{name}*"))
    if done.returncode or not arrived:
        raise RawSourceError(f"{name} was not downloaded: {_reason(done.stdout.decode(errors='replace'))}.")
    return arrived[0]


def _reason(output: str) -> str:
    for pattern, reason in _FAILURES:
        if re.search(pattern, output):
            return reason
    said = [line.strip() for line in output.splitlines() if line.strip() and not line.startswith("Warning: ")]
    if not said:
        return "Kaggle's client says nothing"
    told = said[-1] if said[0].startswith("Traceback") else said[0]
    told = re.sub(r"https?://\S+", "...", told)  # a signed address is a secret
    return f"Kaggle's client says {told[:200]!r}"
