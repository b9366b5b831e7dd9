"""The frame of a bucket: what it is, how much it holds, and a checksum that finds any damage.

Stage: codec of `contract`, shared by `list_buckets` and `purchase_buckets`. In: columns of encoded entries. Out: one
value per bucket; back: depth and number of entries of a sound bucket.

Every bucket begins with a header, little endian; its entries follow:

    header     u8 format, u8 depth, u16 number of entries, u32 CRC-32 of the four bytes before it and all that follows

The depth is the most articles that an entry can have.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from serving.cache.contract import CacheFormatError

HEADER_BYTES = 8
_HEADER = struct.Struct("<BBHI")
_BEFORE_CHECKSUM = struct.Struct("<BBH")
_CHECKSUM = struct.Struct("<I")


@dataclass(frozen=True)
class BucketFormat:
    """One kind of bucket.

    Attributes:
        number: the format in the header.
        name: of such a bucket in errors.
        size: bytes that a bucket must have, by its depth, its number of entries and its bytes.
    """

    number: int
    name: str
    size: Callable[[int, int, bytes], int]

    def pack(self, depth: int, starts: np.ndarray, columns: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[bytes]:
        """Return one value for each pair of neighbouring offsets.

        Args:
            depth: of the entries.
            starts: int (b + 1,), where each of b buckets starts among the entries, and where the last one ends.
            columns: arrays, each with the offsets (b + 1,) of the buckets' shares in it; a bucket holds its shares one
                after the other.
        """
        counts = np.diff(starts).tolist()
        shares = zip(*(_cut(array, offsets) for array, offsets in columns), strict=True)
        return [self._framed(depth, count, b"".join(each)) for count, each in zip(counts, shares, strict=True)]

    def check(self, bucket: bytes) -> tuple[int, int]:
        """Return depth and number of entries of a bucket.

        Raises:
            CacheFormatError: the bucket is damaged or has another format.
        """
        if len(bucket) < HEADER_BYTES:
            raise CacheFormatError(f"{self.name} has {len(bucket)} bytes, less than its header; publish again.")
        number, depth, count, checksum = _HEADER.unpack_from(bucket)
        if number != self.number:
            raise CacheFormatError(f"{self.name} has format {number}, this code reads {self.number}; publish again.")
        size = self.size(depth, count, bucket)
        if len(bucket) != size or zlib.crc32(bucket[HEADER_BYTES:], zlib.crc32(bucket[:4])) != checksum:
            raise CacheFormatError(f"{self.name} of {len(bucket)} bytes is damaged ({size} expected); publish again.")
        return depth, count

    def _framed(self, depth: int, count: int, body: bytes) -> bytes:
        start = _BEFORE_CHECKSUM.pack(self.number, depth, count)
        return start + _CHECKSUM.pack(zlib.crc32(body, zlib.crc32(start))) + body


def _cut(array: np.ndarray, offsets: np.ndarray) -> Iterator[bytes]:
    """The buckets' shares one after the other: all at once would not fit into a processor's cache."""
    encoded, bounds = array.tobytes(), (array.itemsize * offsets).tolist()
    return (encoded[start:end] for start, end in pairwise(bounds))
