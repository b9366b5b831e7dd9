"""Marts of an earlier release, read as those of today.

Up to commit 4216c0b every mart named customers by their ids, and `customers` had no codes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from recommender.columns import Columns


def has_customer_ids_alone(name: str, path: Path) -> bool:
    """Tell whether the file of a mart has customers' ids where it should have their codes."""
    names = () if name == "customers" else pq.read_schema(path).names
    return Columns.CUSTOMER_ID in names and Columns.CUSTOMER_CODE not in names


def with_customer_codes(rows: pa.Table, customer_ids: np.ndarray) -> pa.Table:
    """Return rows with each customer's code in the place of the id, where they have it.

    `customer_ids` are everybody's, ascending.
    """
    if Columns.CUSTOMER_ID not in rows.column_names:
        return rows
    codes = pc.index_in(rows[Columns.CUSTOMER_ID], value_set=pa.array(customer_ids, pa.string()))
    return rows.set_column(rows.column_names.index(Columns.CUSTOMER_ID), Columns.CUSTOMER_CODE, codes)
