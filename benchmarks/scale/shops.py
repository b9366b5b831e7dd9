"""The shops that the whole job is measured on: generated, of one kind and four sizes.

In: a name. Out: a `Scale`. Every size takes the settings of a large shop, so that nothing but the size differs.
"""

from __future__ import annotations

from collections.abc import Mapping

from data.generated_datasets import GENERATED
from data.synthetic_hm import Scale

SHOPS: Mapping[str, Scale] = {
    "demo": GENERATED["demo"],
    "tenth": GENERATED["demo-medium"],
    "third": Scale(customers=457_000, articles=35_180, days=734),
    "full": GENERATED["demo-full"],
}
"""By name, the smallest first; the others are so much of H&M."""

SCALES: Mapping[str, tuple[str, ...]] = {"small": ("demo",), "medium": ("demo", "tenth"), "full": tuple(SHOPS)}
"""What SCALE= takes: which shops are measured."""
