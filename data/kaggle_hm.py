"""The real H&M files: the user's own three CSVs, used where they lie.

Stage: raw data, kaggle-hm only. In: a local folder, or `s3://bucket/prefix`. Out: the three names in a folder of
ours: links to the user's local files, which are neither copied nor changed, or downloads of those in S3.
"""

from __future__ import annotations

from pathlib import Path

from data.raw_errors import RawSourceError
from data.raw_layout import RAW_COLUMNS

KAGGLE_URL = "https://www.kaggle.com/competitions/h-and-m-personalized-fashion-recommendations/data"
WHERE_TO_GET_THEM = f"Kaggle offers {', '.join(RAW_COLUMNS)} at {KAGGLE_URL}"


def link_files(source: Path, folder: Path) -> None:
    """Link the three files of `source` into `folder`.

    Raises `RawSourceError` naming the files that `source` lacks.
    """
    if not source.is_dir():
        raise RawSourceError(f"RAW_DIR={source} is not a folder; {WHERE_TO_GET_THEM}.")
    missing = [name for name in RAW_COLUMNS if not (source / name).is_file()]
    if missing:
        zipped = [name for name in missing if (source / f"{name}.zip").is_file()]
        remedy = f"unzip {zipped[0]}.zip" if zipped else WHERE_TO_GET_THEM
        raise RawSourceError(f"RAW_DIR={source} has no {', '.join(missing)}; {remedy}.")
    for name in RAW_COLUMNS:
        (folder / name).symlink_to((source / name).resolve())
