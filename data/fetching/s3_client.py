"""A client of S3, or of any store that speaks its protocol, and addresses in it.

`boto3` is imported where a client is made; credentials, region and endpoint (`AWS_ENDPOINT_URL`) are its own settings.
"""

from __future__ import annotations

from typing import Any

SCHEME = "s3://"
CONNECT_TIMEOUT_SECONDS = 10
READ_TIMEOUT_SECONDS = 60
ATTEMPTS = 3
CONNECTIONS = 32  # several files at a time, each in parts


def s3_client(endpoint_url: str | None = None) -> Any:
    """Return a client that gives up after three attempts; threads may share it.

    Args:
        endpoint_url: of another store than AWS's; by default as boto3 finds it.
    """
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        max_pool_connections=CONNECTIONS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
    )
    return boto3.Session().client("s3", config=config, endpoint_url=endpoint_url)


def bucket_and_prefix(uri: str) -> tuple[str, str]:
    """Return the bucket, and the prefix of everything below a folder.

    >>> bucket_and_prefix("s3://bucket/a/b"), bucket_and_prefix("s3://bucket")
    (('bucket', 'a/b/'), ('bucket', ''))

    Raises:
        ValueError: when the text is no such address.
    """
    bucket, _, prefix = uri.removeprefix(SCHEME).partition("/")
    if not uri.startswith(SCHEME) or not bucket:
        raise ValueError(f"{uri!r} is not an S3 folder; write s3://bucket/prefix.")
    return bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else ""
