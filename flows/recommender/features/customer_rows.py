"""Customers as integers: the row that each has among everybody of customers.csv, in the order of their ids.

The marts call it `customer_code`. Ids are looked up once, where they come in or go out: in `marts.Marts.customer_ids`.
"""

from __future__ import annotations

import numpy as np


def places_of(rows: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Return where each of (n,) rows stands among (m,) others, as (n,) int64; -1 where it does not.

    `among` are distinct and in any order, none of them negative; a row below 0 is nobody's.
    """
    nobody = 1 + max(among.max(initial=-1), rows.max(initial=-1))
    places = np.full(nobody + 1, -1)
    places[among] = np.arange(len(among))
    return places[np.where(rows < 0, nobody, rows)]
