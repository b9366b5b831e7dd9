"""The customers by whom tonight's lists are compared with those of the models that were judged."""

import numpy as np

COMPARED_CUSTOMERS = 2_000  # overlap is a mean over customers: so many tell it to a hundredth


def compared_customers(everyone: int) -> np.ndarray:
    """Return (n,) int64 rows among everybody, evenly spread.

    Customer ids are in order, so this is as good as a draw and the same every time.
    """
    return np.unique(np.linspace(0, everyone - 1, min(everyone, COMPARED_CUSTOMERS)).astype(np.int64))
