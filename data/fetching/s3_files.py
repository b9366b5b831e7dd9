"""Raw files from S3, or from any store that speaks its protocol.

Stage: raw data. In: `s3://bucket/prefix` and file names. Out: the files in a folder.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from data.fetching.s3_client import bucket_and_prefix, s3_client
from data.raw_errors import RawSourceError
from data.reading.failures import without_passwords


class FileVersion(NamedTuple):
    """What distinguishes one upload of a file from the next."""

    size_bytes: int
    etag: str


class KeptFiles(NamedTuple):
    """An earlier fetch: its folder, and which version of each file lies there."""

    folder: Path
    versions: dict[str, FileVersion]


def fetch(uri: str, file_names: Sequence[str], folder: Path, kept: KeptFiles) -> dict[str, FileVersion]:
    """Bring `file_names` from below `uri` into `folder`; returns the version of each.

    A file that is kept in the same version is linked instead of downloaded.

    Raises `RawSourceError` when S3 cannot be reached, refuses, or lacks a file.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return _fetch(uri, file_names, folder, kept)
    except ClientError as error:
        raise RawSourceError(
            f"{uri} cannot be read ({without_passwords(str(error))}); check the bucket and your permissions."
        ) from error
    except BotoCoreError as error:
        raise RawSourceError(
            f"{uri} cannot be reached ({without_passwords(str(error))}); check the AWS credentials, AWS_DEFAULT_REGION "
            "and AWS_ENDPOINT_URL."
        ) from error


def _fetch(uri: str, file_names: Sequence[str], folder: Path, kept: KeptFiles) -> dict[str, FileVersion]:
    s3 = s3_client()
    try:
        bucket, prefix = bucket_and_prefix(uri)
    except ValueError as error:
        raise RawSourceError(str(error)) from error
    versions = {name: _version_of(s3, bucket, prefix + name) for name in file_names}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        raise RawSourceError(f"{uri} has no {', '.join(missing)}; it needs {', '.join(file_names)}.")
    for name, version in versions.items():
        if kept.versions.get(name) == version and (kept.folder / name).is_file():
            os.link(kept.folder / name, folder / name)
        else:
            print(f"Downloading {uri.rstrip('/')}/{name}, {version.size_bytes:,} bytes", flush=True)
            s3.download_file(bucket, prefix + name, str(folder / name))
    return versions


def _version_of(s3, bucket: str, key: str) -> FileVersion | None:
    """The version of an object, None if there is no such object (or no such bucket)."""
    from botocore.exceptions import ClientError

    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] == "404":
            return None
        raise
    return FileVersion(head["ContentLength"], head["ETag"].strip('"'))
