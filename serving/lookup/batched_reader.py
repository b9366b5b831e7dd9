"""Read keys of Redis for many lookups in one round trip, and stop asking while Redis is away.

Stage: between Redis and the store. In: an asyncio client. Out: values of keys, or `RedisAway` at once.

Lookups that arrive while a round trip is under way wait for its end and share the next one: the busier the API, the
less a lookup costs Redis and this process. A key that many ask for, such as the pointer, is asked for once.

After a round trip has failed, nobody waits for another (a circuit breaker: Nygard, Release It!, 2nd edition 2018,
chapter 5): reads fail at once until Redis has answered a ping, which is sent every half second.
"""

import asyncio
import logging

import redis.asyncio

from serving.lookup.round_trip import get_values
from serving.lookup.store_errors import RedisAway

MOST_KEYS = 512  # of one round trip: some megabytes at most
SECONDS_BETWEEN_PINGS = 0.5

logger = logging.getLogger(__name__)


_Waiting = list[tuple[tuple[str, ...], asyncio.Future[list[bytes | None]]]]
"""Which reads wait for which keys."""


class BatchedReader:
    """Reads for one event loop.

    Args:
        client: replies must be bytes; its timeouts bound how long the first reads take when Redis goes away.
    """

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._client = client
        self._waiting: _Waiting = []
        self._reading: asyncio.Task[None] | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._why_away = ""

    @property
    def is_away(self) -> bool:
        """Whether Redis failed and has not answered since."""
        return bool(self._why_away)

    async def get(self, *keys: str) -> list[bytes | None]:
        """Return the keys' values in order, read in the order of the keys; None for one that is not there.

        Raises:
            RedisAway: Redis does not answer.
        """
        if self.is_away:
            raise RedisAway(self._why_away)
        found = asyncio.get_running_loop().create_future()
        self._waiting.append((keys, found))
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_all())
        return await found

    def redis_has_answered(self) -> None:
        """Ask again from now on: another client got an answer."""
        if self._recovery:
            self._recovery.cancel()
        self._why_away = ""

    async def close(self) -> None:
        """Stop what runs in the background."""
        tasks = [task for task in (self._reading, self._recovery) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_all(self) -> None:
        """Make round trips until no read waits."""
        try:
            while self._waiting:
                batch = self._next_batch()
                asked = list(dict.fromkeys(key for keys, _ in batch for key in keys))
                try:
                    values = dict(zip(asked, await get_values(self._client, asked), strict=True))
                except (redis.RedisError, OSError) as error:
                    self._give_up(batch, error)
                else:
                    for keys, found in batch:
                        if not found.done():  # the request may have been cancelled meanwhile
                            found.set_result([values[key] for key in keys])
        finally:
            self._reading = None

    def _next_batch(self) -> _Waiting:
        taken, n_keys = 0, 0
        while taken < len(self._waiting) and (taken == 0 or n_keys + len(self._waiting[taken][0]) <= MOST_KEYS):
            n_keys += len(self._waiting[taken][0])
            taken += 1
        batch, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return batch

    def _give_up(self, batch: _Waiting, error: Exception) -> None:
        """Fail every read that waits, and begin to ask whether Redis is back."""
        self._why_away = (
            f"Redis does not answer ({error}); start it "
            "(the embedded one with `python -m serving.connection.redis_connection start`)."
        )
        logger.error("%s", self._why_away)
        waiting, self._waiting = [*batch, *self._waiting], []
        for _, found in waiting:
            if not found.done():
                found.set_exception(RedisAway(self._why_away))
        self._recovery = asyncio.create_task(self._recover())

    async def _recover(self) -> None:
        while self.is_away:
            await asyncio.sleep(SECONDS_BETWEEN_PINGS)
            try:
                await self._client.ping()
            except (redis.RedisError, OSError):
                continue
            self._why_away = ""
            logger.warning("Redis answers again")
