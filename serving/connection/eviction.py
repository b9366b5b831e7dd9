"""Whether Redis may throw lists away to make room.

In: what Redis says of its memory. Out: a warning. All keys of a version have an expiry, as a last resort, so that
policies that evict only such keys evict them, too.
"""

from collections.abc import Mapping

KEEPS_ALL = "noeviction"


def eviction_warning(memory: Mapping[str, object]) -> str | None:
    """Return what to tell the owner of a Redis that evicts keys; None where it evicts none.

    Args:
        memory: the section `memory` of INFO.
    """
    policy, limit = memory.get("maxmemory_policy", KEEPS_ALL), memory.get("maxmemory", 0)
    if policy == KEEPS_ALL or not limit:
        return None
    return (
        f"Redis evicts keys when its maxmemory of {limit / 2**20:,.1f} MiB is reached (maxmemory-policy {policy}): "
        f"lists would vanish one by one. Set maxmemory-policy to {KEEPS_ALL}, or give the lists a Redis of their own."
    )
