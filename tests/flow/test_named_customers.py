"""The search for customers' ids finds one wherever a run could leave it; else it would pass blind."""

import gzip
import io
import json
import pickle
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from named_customers import files_naming

PLANTED = "00" + "ab" * 31
STRANGER = "00" + "cd" * 31


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("predictions.csv", content)
    return packed.getvalue()


def parquet(customer_id: str) -> bytes:
    packed = io.BytesIO()
    pq.write_table(pa.table({"n": [1], "who": [customer_id]}), packed, compression="zstd")
    return packed.getvalue()


KINDS = {
    "log": lambda customer_id: f"served {customer_id}\n".encode(),
    "json": lambda customer_id: json.dumps({"customer": customer_id}).encode(),
    "gzip": lambda customer_id: gzip.compress(customer_id.encode()),
    "zip": lambda customer_id: zipped(customer_id.encode()),
    "zip in a zip": lambda customer_id: zipped(zipped(customer_id.encode())),
    "parquet": parquet,
    "parquet in a zip": lambda customer_id: zipped(parquet(customer_id)),
    "pickle": lambda customer_id: pickle.dumps({"week": [customer_id]}),
    "pickled array": lambda customer_id: pickle.dumps(np.array([customer_id, "ann"])),
    "pickled objects": lambda customer_id: gzip.compress(pickle.dumps(np.array([customer_id], dtype=object))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_id_is_found_wherever_it_is(kind, tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(KINDS[kind](PLANTED))
    (tmp_path / "innocent").write_bytes(KINDS[kind](STRANGER))
    assert files_naming([PLANTED], tmp_path) == ["deep/file"]
