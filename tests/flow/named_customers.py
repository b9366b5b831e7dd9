"""Which files name customers in clear: looks into archives, compressed files, Parquet and pickles.

Made for ids of 64 hexadecimal digits, those of the demo.
"""

import gzip
import io
import re
import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ID = re.compile(rb"[0-9a-f]{64}")
WIDE_ID = re.compile(rb"(?:[0-9a-f]\0{3}){64}")  # as NumPy keeps an array of texts, also inside a pickle
GZIP, ZIP, PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"


def files_naming(customer_ids: Collection[str], folder: Path) -> list[str]:
    """Return the paths of a folder's files, relative to it and ascending, that hold one of the ids."""
    known = {customer_id.encode() for customer_id in customer_ids}
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [str(path.relative_to(folder)) for path in files if not known.isdisjoint(ids_in(path.read_bytes()))]


def ids_in(content: bytes) -> Iterator[bytes]:
    """Yield everything that looks like an id, also in what is packed inside."""
    yield from ID.findall(content)
    yield from (found.replace(b"\0", b"") for found in WIDE_ID.findall(content))
    if content.startswith(GZIP):
        yield from ids_in(gzip.decompress(content))
    elif content.startswith(ZIP):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield from ids_in(archive.read(name))
    elif content.startswith(PARQUET):
        for column in pq.read_table(io.BytesIO(content)).columns:
            if pa.types.is_string(column.type):
                yield from (each.encode() for each in column.unique().to_pylist() if each is not None)
