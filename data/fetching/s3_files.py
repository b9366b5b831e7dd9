"""Raw files from S3, or from any store that speaks its protocol.

Stage: raw data. In: `s3://bucket/prefix` and file names. Out: the files in a folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
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


def names_below(uri: str) -> list[str]:
    """Return the names of the files directly below `uri`, ascending; none for who may read files, but not list them.

    Raises `RawSourceError` when S3 cannot be reached.
    """
    from botocore.exceptions import ClientError

    with _failures_told(uri), suppress(ClientError):
        bucket, prefix = _place(uri)
        pages = s3_client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
        return sorted(each["Key"].removeprefix(prefix) for page in pages for each in page.get("Contents", ()))
    return []


def fetch(uri: str, file_names: Sequence[str], folder: Path, kept: KeptFiles) -> dict[str, FileVersion]:
    """Bring `file_names` from below `uri` into `folder`; returns the version of each.

    A file that is kept in the same version is linked instead of downloaded.

    Raises `RawSourceError` when S3 cannot be reached, refuses, or lacks a file.
    """
    with _failures_told(uri):
        return _fetch(uri, file_names, folder, kept)


@contextmanager
def _failures_told(uri: str) -> Iterator[None]:
    """Raise `RawSourceError` for whatever S3 or its client says."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise RawSourceError(
            f"{uri} cannot be read ({without_passwords(str(error))}); check the bucket and your permissions."
        ) from error
    except BotoCoreError as error:
        raise RawSourceError(
            f"{uri} cannot be reached ({without_passwords(str(error))}); check the AWS credentials, AWS_DEFAULT_REGION "
            "and AWS_ENDPOINT_URL."
        ) from error


def _place(uri: str) -> tuple[str, str]:
    try:
        return bucket_and_prefix(uri)
    except ValueError as error:
        raise RawSourceError(str(error)) from error


def _fetch(uri: str, file_names: Sequence[str], folder: Path, kept: KeptFiles) -> dict[str, FileVersion]:
    s3 = s3_client()
    bucket, prefix = _place(uri)
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
