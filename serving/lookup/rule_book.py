"""The lookup rules, which bar articles from every list at once, without publishing again, and where they are kept.

In: Redis. Out: `LookupRules`: articles that are denied or out of stock, and a cap on the articles of one product.

Rules lie in one hash per dataset, a field for each article, so that two people who change rules at once do not undo
each other's. They outlive versions. The API reads them every second and keeps the last it read while Redis is away.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import redis.asyncio

from serving.cache.article_numbers import ARTICLE_ID_PATTERN
from serving.cache.contract import CacheFormatError, CacheKeys
from serving.errors import ServingError
from serving.lookup.store_errors import RedisAway

CAP_FIELD = "cap:product_code"


class RuleError(ServingError, ValueError):
    """A rule names no article, or no number."""


class Rule(StrEnum):
    """Why an article is barred."""

    DENIED = "denied"
    OUT_OF_STOCK = "out_of_stock"
    CAP = "cap"
    """The list has as many of its product code as it may have."""


@dataclass(frozen=True)
class BarredArticle:
    """Why nobody is recommended an article, and since when.

    Attributes:
        rule: `Rule.DENIED` or `Rule.OUT_OF_STOCK`.
        note: the reason that was given.
        since: UTC, ISO 8601.
    """

    rule: Rule
    note: str
    since: str

    def to_json(self) -> str:
        """Return the value of its field in Redis."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class LookupRules:
    """The rules of a dataset at one moment.

    Attributes:
        barred: article id to why it is barred.
        most_per_product_code: most articles of one product code in an answer; None without a cap.
    """

    barred: Mapping[str, BarredArticle] = field(default_factory=dict)
    most_per_product_code: int | None = None

    @classmethod
    def from_fields(cls, fields: Mapping[bytes, bytes]) -> "LookupRules":
        """Turn the hash in Redis into rules.

        Raises:
            CacheFormatError: a field is damaged; the message names it.
        """
        barred, cap = {}, None
        for name, value in fields.items():
            try:
                if name == CAP_FIELD.encode():
                    cap = int(value)
                else:
                    each = json.loads(value)
                    barred[name.decode()] = BarredArticle(Rule(each["rule"]), each["note"], each["since"])
            except (ValueError, KeyError, TypeError) as error:
                raise CacheFormatError(f"the rule of {name!r} cannot be read ({error!r}); set it again.") from error
        return cls(barred, cap)


class RuleBook:
    """The rules of one dataset in Redis.

    Every method raises RedisAway when Redis does not answer.
    """

    def __init__(self, client: redis.asyncio.Redis, dataset: str) -> None:
        self._client, self._key = client, CacheKeys(dataset).rules

    async def read(self) -> LookupRules:
        """Return all rules.

        Raises:
            CacheFormatError: one is damaged; the message names it.
        """
        return LookupRules.from_fields(await self._ask(self._client.hgetall(self._key)))

    async def bar(self, article_id: str, rule: Rule, note: str) -> None:
        """Recommend an article to nobody.

        Raises:
            RuleError: the id is not an article id.
        """
        if not re.fullmatch(ARTICLE_ID_PATTERN, article_id):
            raise RuleError(f"article {article_id!r} is not an id; write ten digits, leading zeros included.")
        barred = BarredArticle(rule, note, datetime.now(UTC).isoformat(timespec="seconds"))
        await self._ask(self._client.hset(self._key, article_id, barred.to_json()))

    async def allow(self, article_id: str) -> bool:
        """Let an article be recommended again; returns whether it was barred."""
        return bool(await self._ask(self._client.hdel(self._key, article_id)))

    async def set_cap(self, most: int) -> None:
        """Limit the articles of one product code in an answer; 0 removes the cap.

        Raises:
            RuleError: the number is negative.
        """
        if most < 0:
            raise RuleError(f"a cap must be 1 or more, or 0 to remove it; got {most}.")
        change = self._client.hset(self._key, CAP_FIELD, most) if most else self._client.hdel(self._key, CAP_FIELD)
        await self._ask(change)

    async def _ask(self, command):
        try:
            return await command
        except (redis.RedisError, OSError) as error:
            raise RedisAway(f"Redis does not answer ({error}); the rules are as they were.") from error
