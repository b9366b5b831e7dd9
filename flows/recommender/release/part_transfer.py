"""Write the keys of a part of a version to Redis, and read them back.

In: a part's chunks. Out: what was written or read, summed up.

While Redis takes or gives one chunk, this process encodes the next or sums up the last.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from hashlib import blake2b
from typing import TypeVar

import redis

from recommender.release.round_trip import MOST_COMMANDS, round_trip
from recommender.release.version_parts import Part
from serving.cache.buckets import BucketChunk
from serving.cache.contract import PartSummary

LAST_RESORT_SECONDS = 90 * 24 * 3600  # without a night: then Redis forgets a version, of a dataset that was given up

KeyOf = Callable[[int], str]
"""The name of a part's key by its number."""
Done = TypeVar("Done")


def write_part(client: redis.Redis, part: Part, key_of: KeyOf, progress: Callable[[int], None]) -> PartSummary:
    """Write all keys of a part, a chunk in each round trip; `progress` gets how many entries are written."""
    total, entries = _Total(), 0
    with closing(_one_ahead(partial(_write_chunk, client, key_of, chunk) for chunk in part.chunks())) as written:
        for chunk in written:
            total.add(chunk.values)
            entries += chunk.entries
            progress(entries)
    return total.summary()


def read_part(client: redis.Redis, part: Part, key_of: KeyOf, progress: Callable[[int], None]) -> PartSummary:
    """Read all keys of a part, lost ones as if they were empty; `progress` gets how many keys are read."""
    total, names = _Total(), [key_of(number) for number in range(part.keys)]
    chunks = (names[first : first + MOST_COMMANDS] for first in range(0, len(names), MOST_COMMANDS))
    with closing(_one_ahead(partial(read_keys, client, chunk) for chunk in chunks)) as read:
        for values in read:
            total.add([value or b"" for value in values])
            progress(total.keys)
    return total.summary()


def read_keys(client: redis.Redis, names: Iterable[str]) -> list[bytes | None]:
    """Read keys in one round trip, with a GET each: a cluster refuses MGET across slots."""
    return round_trip(client, [("GET", name) for name in names])


def _write_chunk(client: redis.Redis, key_of: KeyOf, chunk: BucketChunk) -> BucketChunk:
    numbered = enumerate(chunk.values, chunk.first_bucket)
    round_trip(client, [("SET", key_of(number), value, "EX", LAST_RESORT_SECONDS) for number, value in numbered])
    return chunk


def _one_ahead(tasks: Iterable[Callable[[], Done]]) -> Iterator[Done]:
    """Do tasks in order in a thread; yield what one returned while the next is being done.

    To be closed by who does not see the end: then nothing is under way any more.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        before = None
        for task in tasks:
            ahead = thread.submit(task)
            if before:
                yield before.result()
            before = ahead
        if before:
            yield before.result()


class _Total:
    """Values in the order of their keys, summed up."""

    def __init__(self) -> None:
        self.keys, self._bytes, self._checksum = 0, 0, blake2b(digest_size=16)

    def add(self, values: Sequence[bytes]) -> None:
        """Count the next values in."""
        joined = b"".join(values)
        self.keys += len(values)
        self._bytes += len(joined)
        self._checksum.update(joined)

    def summary(self) -> PartSummary:
        """What was counted so far."""
        return PartSummary(self.keys, self._bytes, self._checksum.hexdigest())
