"""Objects in a bucket, below one prefix: read, written, listed and removed, and how many bytes that moved.

Stage: below `state_files`, which says what the objects mean. In: an address `s3://bucket/prefix`; credentials, region
and endpoint are boto3's own settings, or METAFLOW_S3_ENDPOINT_URL. Out: bytes and files, or `StoreFailed`, which names
bucket and key.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from data.fetching.s3_client import bucket_and_prefix, s3_client
from recommender.errors import RecommenderError

SHA256 = "sha256"  # an object's own checksum, among its metadata
MISSING = ("404", "NoSuchKey", "NotFound")
CHANGED = ("412", "PreconditionFailed", "409", "ConditionalRequestConflict")
DOWNLOADS = 2  # of a part that broke off, each with the client's attempts; boto3's five wait for a quarter of an hour
KEYS_PER_REMOVAL = 1_000  # S3 takes no more


class StoreFailed(RecommenderError, OSError):
    """The store cannot be reached, refuses, or lost an object; the message names bucket and key."""


class StoredObject(NamedTuple):
    """An object as it was read: its content, what tells it from the next one under that key, and what it notes."""

    content: bytes
    etag: str
    noted: Mapping[str, str]


class Traffic:
    """Bytes that this process moved so far; threads may add to it."""

    def __init__(self):
        self.uploaded = self.downloaded = 0
        self._lock = Lock()

    def add(self, uploaded: int = 0, downloaded: int = 0) -> None:
        """Count what was moved."""
        with self._lock:
            self.uploaded += uploaded
            self.downloaded += downloaded


TRAFFIC = Traffic()


@dataclass(frozen=True)
class ObjectStore:
    """Everything below `s3://bucket/prefix`. Threads may share it.

    Attributes:
        bucket: name of the bucket.
        prefix: of all keys, empty or with a / at its end.
    """

    bucket: str
    prefix: str
    _s3: Any

    def read(self, key: str) -> StoredObject | None:
        """Return an object; None when there is none.

        Raises:
            StoreFailed: when it cannot be read.
        """
        with suppress(FileNotFoundError), self._told(key, "read"):
            answer = self._s3.get_object(Bucket=self.bucket, Key=self.prefix + key)
            content = answer["Body"].read()
            TRAFFIC.add(downloaded=len(content))
            return StoredObject(content, answer["ETag"], answer["Metadata"])
        return None

    def checksum_of(self, key: str) -> str | None:
        """Return the SHA-256 that was noted when an object was written; None when there is no object.

        Raises:
            StoreFailed: when it cannot be read.
        """
        with suppress(FileNotFoundError), self._told(key, "read"):
            return self._s3.head_object(Bucket=self.bucket, Key=self.prefix + key)["Metadata"].get(SHA256, "")
        return None

    def write(
        self, key: str, content: bytes, instead_of: StoredObject | None, noted: Mapping[str, str] | None = None
    ) -> None:
        """Write an object in the place of the one that was read, or of none.

        Args:
            key: of the object.
            content: of the object.
            instead_of: what was read; None when there was nothing.
            noted: what else to note with it, in ASCII.

        Raises:
            FileExistsError: when another one is there by now.
            StoreFailed: when it cannot be written.
        """
        condition = {"IfNoneMatch": "*"} if instead_of is None else {"IfMatch": instead_of.etag}
        with self._told(key, "written"):
            notes = {SHA256: hashlib.sha256(content).hexdigest(), **(noted or {})}
            place = {"Bucket": self.bucket, "Key": self.prefix + key}
            self._s3.put_object(**place, Body=content, Metadata=notes, **condition)
            TRAFFIC.add(uploaded=len(content))

    def upload(self, path: Path, key: str, checksum: str) -> None:
        """Write a file, in parts when it is large.

        Raises:
            StoreFailed: when it cannot be written.
        """
        size = path.stat().st_size
        with self._told(key, "written"):
            extra = {"Metadata": {SHA256: checksum}}
            self._s3.upload_file(str(path), self.bucket, self.prefix + key, ExtraArgs=extra)
            TRAFFIC.add(uploaded=size)

    def download(self, key: str, path: Path) -> bool:
        """Bring an object into a file; returns whether there was one.

        Raises:
            StoreFailed: when it cannot be read.
        """
        from boto3.s3.transfer import TransferConfig

        config = TransferConfig(num_download_attempts=DOWNLOADS)
        with suppress(FileNotFoundError), self._told(key, "read"):
            self._s3.download_file(self.bucket, self.prefix + key, str(path), Config=config)
            TRAFFIC.add(downloaded=path.stat().st_size)
            return True
        return False

    def clock(self) -> str:
        """Return the store's own time, UTC, ISO 8601, to the second: one clock for all machines.

        Raises:
            StoreFailed: when it cannot be asked.
        """
        with self._told("", "listed"):
            answer = self._s3.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, MaxKeys=1)
            now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
            return now.astimezone(UTC).isoformat()

    def keys(self, below: str) -> dict[str, datetime]:
        """Return the keys that begin with a text, each with when it was written.

        Raises:
            StoreFailed: when they cannot be listed.
        """
        with self._told(below, "listed"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix + below)
            found = (each for page in pages for each in page.get("Contents", ()))
            return {each["Key"].removeprefix(self.prefix): each["LastModified"] for each in found}

    def remove(self, keys: list[str]) -> None:
        """Remove objects; one that is not there is no error.

        Raises:
            StoreFailed: when one cannot be removed.
        """
        for start in range(0, len(keys), KEYS_PER_REMOVAL):
            some = [{"Key": self.prefix + key} for key in keys[start : start + KEYS_PER_REMOVAL]]
            with self._told(keys[start], "removed"):
                answer = self._s3.delete_objects(Bucket=self.bucket, Delete={"Objects": some, "Quiet": True})
                if refused := answer.get("Errors"):
                    raise StoreFailed(f"{self._named(refused[0]['Key'])} cannot be removed ({refused[0]['Code']})")

    def address(self, key: str) -> str:
        """Return where an object is, for people."""
        return self._named(self.prefix + key)

    def _named(self, whole_key: str) -> str:
        return f"s3://{self.bucket}/{whole_key}"

    @contextmanager
    def _told(self, key: str, what: str) -> Iterator[None]:
        """Turn what boto3 raises into what this module's methods raise."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in MISSING and what == "read":
                raise FileNotFoundError(self.address(key)) from error
            if code in CHANGED:
                raise FileExistsError(self.address(key)) from error
            raise StoreFailed(
                f"{self.address(key)} cannot be {what} ({error}); check the bucket and what the credentials allow."
            ) from error
        except (BotoCoreError, Boto3Error) as error:
            raise StoreFailed(
                f"{self.address(key)} cannot be {what} ({error}); check the network, the AWS credentials, "
                "AWS_DEFAULT_REGION and AWS_ENDPOINT_URL."
            ) from error


@lru_cache(maxsize=4)
def object_store(url: str) -> ObjectStore:
    """Return the store of an address.

    Raises:
        StoreFailed: when the text is no such address, or boto3's own settings are none it can use.
    """
    from botocore.exceptions import BotoCoreError

    try:
        bucket, prefix = bucket_and_prefix(url)
    except ValueError as error:
        raise StoreFailed(f"STATE_URL: {error}") from error
    try:
        client = s3_client(os.environ.get("METAFLOW_S3_ENDPOINT_URL") or None)
    except (BotoCoreError, ValueError) as error:
        raise StoreFailed(
            f"s3://{bucket}/{prefix} cannot be asked ({error}); check AWS_PROFILE, AWS_DEFAULT_REGION, "
            "AWS_ENDPOINT_URL and METAFLOW_S3_ENDPOINT_URL."
        ) from error
    return ObjectStore(bucket, prefix, client)


def file_checksum(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits, as an object notes it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
