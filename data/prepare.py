"""Put the raw files of one dataset in their place and check them: the first command of every run.

Stage: raw data. In: the name of a dataset and where it comes from. Out: the three CSVs in `data/raw/<dataset>/`.
New files are made and checked beside the earlier ones, which stay if anything fails; files that you put
there are used as they are.

    python -m data.prepare --dataset demo --customers 20000
    python -m data.prepare --dataset kaggle-hm --raw-dir ~/h-and-m
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

from data import kaggle_hm, online_retail
from data.fetching import kaggle_client, s3_files
from data.fetching.s3_client import SCHEME
from data.generated_datasets import GENERATED, bytes_needed
from data.online_retail_source import UCI_ROWS, UCI_URL, download
from data.raw_errors import RawDataError, RawSourceError
from data.raw_folder import (
    check_room,
    has_foreign_files,
    locked,
    read_origin,
    replacement_of,
    scratch_beside,
    write_origin,
)
from data.raw_layout import ARTICLES_FILE, CUSTOMERS_FILE, RAW_COLUMNS, TRANSACTIONS_FILE
from data.raw_schema import RawSummary, check_raw_files
from data.reading.failures import failures_named
from data.synthetic_hm import Scale, generate

DATASETS = (*GENERATED, "online-retail", "kaggle-hm")
SCALE_OPTIONS = ("customers", "articles", "days", "seed")


@dataclass(frozen=True)
class Filled:
    """A folder that was filled with raw files: what they were made from, and what the check found in them."""

    origin: dict
    summary: RawSummary


# Fills an empty folder with raw files and checks them; a second folder is for what is needed only meanwhile.
Fill = Callable[[Path, Path], Filled]


@dataclass(frozen=True)
class Request:
    """A dataset and where it comes from.

    `source` is ONLINE_RETAIL_FILE or RAW_DIR, `scale` how much data to generate. Where they are left out, what is there
    already will do. `is_forced` makes the files again even if nothing changed. `cutoff` is the first day that
    nothing may see; default: the day after the last purchase.
    """

    dataset: str
    source: str = ""
    scale: Scale | None = None
    is_forced: bool = False
    cutoff: date | None = None


def raw_data_folder(dataset: str, raw_root: Path | None = None) -> Path:
    """The folder of a dataset's raw files, by default below `data/raw` (or `$RECOMMENDER_DATA_DIR/raw`).

    Raises `RawSourceError` for an unknown name.
    """
    if dataset not in DATASETS:
        raise RawSourceError(f"{dataset!r} is not a dataset; choose {', '.join(DATASETS)}.")
    data_dir = os.environ.get("RECOMMENDER_DATA_DIR") or Path(__file__).parent
    return (raw_root or Path(data_dir).expanduser().resolve() / "raw") / dataset


def prepare(request: Request, raw_root: Path | None = None) -> RawSummary:
    """Bring the files of a dataset, unless they are there, and check them.

    Raises the `RawDataError` that keeps them from being used; files that fail never replace earlier ones.
    """
    folder = raw_data_folder(request.dataset, raw_root)
    request = replace(request, source=_expanded(request.source))
    with failures_named(str(folder), "see that there is room and that you may write there"), locked(folder):
        fill = None if _is_to_be_used_in_place(request, folder) else _FILLS[request.dataset](request, folder)
        if fill is None:
            return check_raw_files(folder, request.cutoff)
        summary = replace(_fill_anew(folder, fill), raw_dir=folder)
        return summary if request.cutoff is None else summary.with_cutoff(request.cutoff)


def _fill_anew(folder: Path, fill: Fill) -> RawSummary:
    with replacement_of(folder) as new, scratch_beside(folder) as scratch:
        filled = fill(new, scratch)
        write_origin(new, filled.origin)
        return filled.summary


def _expanded(source: str) -> str:
    """A path with the home folder in the place of `~`, which no shell replaces in a file of variables."""
    source = source.strip()
    return source if source.startswith(SCHEME) else os.path.expanduser(source)  # noqa: PTH111 (no error for ~x)


def _is_to_be_used_in_place(request: Request, folder: Path) -> bool:
    if not has_foreign_files(folder):
        return False
    is_elsewhere = request.source and Path(request.source).resolve() != folder.resolve()
    if request.is_forced or is_elsewhere:
        raise RawSourceError(f"{folder} holds files that this command did not put there; move them away first.")
    return True


def _generated(request: Request, folder: Path) -> Fill | None:
    wanted = request.scale or GENERATED[request.dataset]
    scale = asdict(wanted)
    origin = {"scale": scale | {"last_day": str(scale["last_day"])}, "code": _code("synthetic_*", "hm_profile*")}
    if _is_current(folder, origin, request.scale is not None) and not request.is_forced:
        return None

    def fill(new: Path, scratch: Path) -> Filled:
        print(f"Generating {wanted}: {check_room(folder, bytes_needed(wanted))}", flush=True)
        # In scratch, where what a killed process leaves half made is removed by the next.
        made = generate(scratch / folder.name, **scale, progress=lambda line: print(line, flush=True))
        for file in made.raw_dir.iterdir():
            file.rename(new / file.name)
        return Filled(origin, check_raw_files(new))

    return fill


def _online_retail(request: Request, folder: Path) -> Fill | None:
    origin = {"source": _file_version(request.source), "code": _code("online_retail*", "reading/*.py")}
    if _is_current(folder, origin, bool(request.source)) and not request.is_forced:
        return None

    def fill(new: Path, _: Path) -> Filled:
        source = request.source or download(folder.parent / "downloads" / "online_retail_ii.zip", UCI_URL)
        notes = online_retail.write_raw_files(Path(source), new, None if request.source else UCI_ROWS)
        return Filled(origin, replace(check_raw_files(new), notes=notes))

    return fill


def _kaggle_hm(request: Request, folder: Path) -> Fill | None:
    earlier = read_origin(folder)
    if not request.source and earlier is None:
        request = replace(request, source=str(kaggle_client.download(folder.parent / "downloads" / folder.name)))
    source = request.source or earlier["source"]
    if not request.source and (source.startswith(SCHEME) or not Path(source).exists()):
        return None
    if "://" in source and not source.startswith(SCHEME):
        raise RawSourceError("RAW_DIR is an address, but not of S3; name a folder or s3://bucket/prefix.")

    def fill(new: Path, scratch: Path) -> Filled:
        if not source.startswith(SCHEME):
            files = Path(source).resolve()
            return Filled({"source": str(files)}, kaggle_hm.bring_files(files, new, scratch))
        if parts := _parts_in_s3(source):
            downloads = folder.parent / "downloads" / f"{folder.name}-files"
            _download_parts(source, parts, downloads, request.is_forced)
            return Filled({"source": source}, kaggle_hm.bring_files(downloads, new, scratch))
        versions = s3_files.fetch(source, list(RAW_COLUMNS), new, _kept_files(folder, request.is_forced))
        return Filled({"source": source, "versions": versions}, kaggle_hm.bring_files(new, new, scratch))

    return fill


def _kept_files(folder: Path, is_forced: bool) -> s3_files.KeptFiles:
    """What an earlier fetch left in a folder; nothing where all is to be fetched again."""
    earlier = read_origin(folder) or {}
    versions = {} if is_forced else earlier.get("versions", {})
    return s3_files.KeptFiles(folder, {name: s3_files.FileVersion(*version) for name, version in versions.items()})


def _parts_in_s3(source: str) -> list[str]:
    """The files below an address that hold some of the purchases each; none where one file has all."""
    names = s3_files.names_below(source)
    return [] if TRANSACTIONS_FILE in names else [name for name in names if kaggle_hm.is_part(name)]


def _download_parts(source: str, parts: Sequence[str], downloads: Path, is_forced: bool) -> None:
    """Bring files of purchases, and the two others, into a folder of their own, each only when it is new there."""
    wanted = [ARTICLES_FILE, CUSTOMERS_FILE, *parts]
    kept = _kept_files(downloads, is_forced)
    with replacement_of(downloads) as new:
        write_origin(new, {"versions": s3_files.fetch(source, wanted, new, kept)})


_FILLS = dict.fromkeys(GENERATED, _generated) | {"online-retail": _online_retail, "kaggle-hm": _kaggle_hm}


def _is_current(folder: Path, origin: dict, is_particular: bool) -> bool:
    """Whether the files there are those asked for: of that origin, or if it is not particular, of the same code."""
    earlier = read_origin(folder)
    if earlier is None or is_particular:
        return earlier == origin
    return earlier["code"] == origin["code"]


def _file_version(path: str) -> list:
    """What tells a file from its next version; UCI's address if no file is named."""
    if not Path(path).is_file():
        return [path or UCI_URL]
    stat = Path(path).stat()
    return [str(Path(path).resolve()), stat.st_size, stat.st_mtime_ns]


def _code(*patterns: str) -> str:
    """A mark of the code that makes the files, so that a new version makes them again."""
    sources = sorted(path for pattern in patterns for path in Path(__file__).parent.glob(pattern))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 when the raw files are good, 2 and one line on stderr when they are not."""
    options = _parser().parse_args(arguments)
    os.umask(0o077)  # purchases are nobody else's
    try:
        print(prepare(_request(options)))
    except RawDataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _request(options: argparse.Namespace) -> Request:
    sources = {"online-retail": options.online_retail_file, "kaggle-hm": options.raw_dir}
    wishes = {name: getattr(options, name) for name in SCALE_OPTIONS if getattr(options, name) is not None}
    try:
        scale = replace(GENERATED.get(options.dataset, Scale()), **wishes) if wishes else None
    except ValueError as error:
        raise RawSourceError(str(error)) from error
    return Request(options.dataset, sources.get(options.dataset, ""), scale, options.force, options.cutoff)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m data.prepare", description=__doc__.split("\n\n")[0])
    parser.add_argument("--dataset", default="demo", choices=DATASETS)
    parser.add_argument(
        "--raw-dir",
        default=os.environ.get("RAW_DIR", ""),
        help="kaggle-hm: folder or s3://bucket/prefix of the three CSVs (default: $RAW_DIR, else Kaggle's own client)",
    )
    parser.add_argument(
        "--online-retail-file",
        default=os.environ.get("ONLINE_RETAIL_FILE", ""),
        help="online-retail: UCI's .zip or .xlsx, or its table as .csv or .parquet (default: $ONLINE_RETAIL_FILE)",
    )
    for name in SCALE_OPTIONS:
        defaults = ", ".join(f"{getattr(scale, name)} for {dataset}" for dataset, scale in GENERATED.items())
        parser.add_argument(f"--{name}", type=int, help=f"of what is generated (default: {defaults})")
    parser.add_argument("--cutoff", type=date.fromisoformat, help="first day that nothing may see, as YYYY-MM-DD")
    parser.add_argument("--force", action="store_true", help="make the files again even if nothing changed")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
