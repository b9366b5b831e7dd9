"""Read one version, no matter which one the pointer names.

Stage: between the batched reader and a version. In: keys. Out: their values, with the pointer's made up.
"""

from serving.lookup.batched_reader import BatchedReader


class PinnedReader:
    """Reads as if the pointer named one version.

    Args:
        reader: reads everything else.
        pointer: its key.
        version: id of the version.
    """

    def __init__(self, reader: BatchedReader, pointer: str, version: str) -> None:
        self._reader, self._pointer, self._version = reader, pointer, version.encode()

    @property
    def is_away(self) -> bool:
        """Whether Redis failed and has not answered since."""
        return self._reader.is_away

    async def get(self, *keys: str) -> list[bytes | None]:
        """Return the keys' values, see `BatchedReader.get`."""
        read = [key for key in keys if key != self._pointer]
        values = dict(zip(read, await self._reader.get(*read), strict=True)) if read else {}
        return [self._version if key == self._pointer else values[key] for key in keys]

    def redis_has_answered(self) -> None:
        """See `BatchedReader.redis_has_answered`."""
        self._reader.redis_has_answered()

    async def close(self) -> None:
        """Stop what runs in the background."""
        await self._reader.close()
