"""The rules of this moment for lookups: read anew when they have changed, and given back to a Redis that lost them.

In: a rule book, asked every second. Out: `LookupRules`, and what is wrong with them.
"""

import asyncio
import logging
import time

from serving.cache.rule_changes import OPERATIONS_AT_ONCE, StoredRules, lost_rules
from serving.lookup.lookup_rules import LookupRules
from serving.lookup.ongoing_work import OngoingWork
from serving.lookup.rule_book import RuleBook
from serving.lookup.store_errors import RedisAway, RulesTrouble

SECONDS_BETWEEN_FULL_READS = 60.0  # so that nothing stays unseen that changes neither the state nor a number of fields

logger = logging.getLogger(__name__)


class RuleWatch:
    """Follows the rules of one dataset.

    Attributes:
        rules: as they were read last; they hold while Redis is away.
        trouble: what is wrong with them, None if nothing is.
    """

    def __init__(self, book: RuleBook) -> None:
        self._book = book
        self._reading = OngoingWork()
        self._stored = StoredRules()
        self._fingerprint: tuple | None = None
        self._read_at = 0.0
        self.rules = LookupRules()
        self.trouble: RulesTrouble | None = None

    async def refresh(self) -> None:
        """Read the rules if they have changed; the reading goes on when the caller is cancelled.

        Raises:
            RedisAway: Redis does not answer; the rules stay as they were.
        """
        await self._reading.run(self._read_or_tell)

    async def close(self) -> None:
        """Stop a reading that still goes on."""
        await self._reading.close()

    async def _read_or_tell(self) -> None:
        try:
            await self._read()
        except RedisAway:
            self.trouble = RulesTrouble.UNREADABLE
            raise

    async def _read(self) -> None:
        fingerprint = await self._book.fingerprint()
        is_fresh = time.monotonic() < self._read_at + SECONDS_BETWEEN_FULL_READS
        if fingerprint == self._fingerprint and is_fresh and self.trouble is not RulesTrouble.LOST:
            self.trouble = self._trouble_with_read()
            return
        stored = await self._book.stored()
        if lost := lost_rules(self._stored, stored):
            stored = await self._give_back(lost, stored)
            if stored is None:
                return
        elif len(stored) and not stored.state:  # of an earlier release: from now on a loss is noticed
            await self._mark(stored)
        self.rules = await asyncio.to_thread(LookupRules.from_stored, stored, self.rules)
        self._stored, self._fingerprint, self._read_at = stored, fingerprint, time.monotonic()
        self.trouble = self._trouble_with_read()
        if self.trouble is RulesTrouble.LOST:
            logger.error("Redis has lost rules that this process never read; publish again, or set them again")
        elif self.trouble:
            logger.error("rules cannot be read: %s; set them again", ", ".join(self.rules.unreadable[:10]))

    def _trouble_with_read(self) -> RulesTrouble | None:
        if any(self._stored.evicted):
            return RulesTrouble.LOST
        return RulesTrouble.UNREADABLE if self.rules.unreadable else None

    async def _give_back(self, lost: list, found: StoredRules) -> StoredRules | None:
        """Write lost rules to Redis; None if it takes none, and the rules known here hold on."""
        logger.error("Redis has lost %d rules that this process knows; they are given back", len(lost))
        self.trouble = RulesTrouble.LOST
        try:
            for first in range(0, len(lost), OPERATIONS_AT_ONCE):
                await self._book.change(lost[first : first + OPERATIONS_AT_ONCE])
            return await self._book.stored()
        except RedisAway as error:
            logger.error("%s The rules that Redis has lost hold on here.", error)
            return None

    async def _mark(self, stored: StoredRules) -> None:
        """Begin to count changes; a Redis that takes no writes is left as it is."""
        try:
            await self._book.change([])
        except RedisAway as error:
            logger.warning("%s", error)
