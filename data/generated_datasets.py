"""The generated datasets: a name for each scale that is made once and used again.

Stage: raw data. In: nothing. Out: `GENERATED`, and how much room on disk a scale takes.
"""

from __future__ import annotations

from data.synthetic_hm import Scale

GENERATED = {
    "demo": Scale(),
    "demo-medium": Scale(customers=137_000, articles=10_500, days=734),  # a tenth of H&M
    "demo-full": Scale(customers=1_371_980, articles=105_542, days=734),  # H&M's size
}

BYTES_PER_CUSTOMER = 180
BYTES_PER_CUSTOMER_AND_DAY = 3.8  # of purchases, in a shop of 10,500 articles; others have fewer
BYTES_PER_ARTICLE = 350


def bytes_needed(scale: Scale) -> int:
    """How large the files of a scale become at most, about: 4.1 GB at H&M's size."""
    per_customer = BYTES_PER_CUSTOMER + BYTES_PER_CUSTOMER_AND_DAY * scale.days
    return round(scale.customers * per_customer + scale.articles * BYTES_PER_ARTICLE)
