"""Where the lookup rules are kept: read them, and change them for one article or for a hundred thousand.

In: an asyncio client. Out: `LookupRules`; counts of what a change did.

A rule of a single article is a field of a hash, so that two people who change rules at once do not undo each other's.
Many articles at once are a set: a feed replaces its own set whole and touches nothing else, and each list that a person
bars is a set of its own. Rules outlive versions.
"""

import asyncio
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import redis.asyncio

from serving.cache.article_numbers import ARTICLE_ID_PATTERN, MAX_ARTICLE_NUMBER
from serving.cache.barred_sets import (
    LIST_PREFIX,
    NUMBERS,
    BarredSet,
    decode_barred_set,
    encode_barred_set,
    unique_numbers,
)
from serving.cache.contract import CacheFormatError, CacheKeys
from serving.cache.rule_changes import (
    ANY_STATE,
    NOT_CHANGED,
    Change,
    StoredRules,
    change_arguments,
    read_arguments,
    stored_rules,
)
from serving.connection.redis_failures import failure
from serving.errors import ServingError
from serving.lookup.barred_articles import BarredArticle, Rule
from serving.lookup.lookup_rules import CAP_FIELD, LookupRules, rule_value
from serving.lookup.store_errors import RedisAway

ATTEMPTS = 10
NOBODY = np.array([], NUMBERS)
FEED_NAME_PATTERN = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
FEED_NAME = re.compile(FEED_NAME_PATTERN)
MOST_OF_NOTE = 500  # characters
NOTE_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"  # the same for documents; no text has half a character
UNSHOWN = frozenset({"Cc", "Cs", "Zl", "Zp"})  # controls, halves of characters and line breaks, as Unicode calls them


class RuleError(ServingError, ValueError):
    """A rule names no article or no number, a list of articles is of no use, or a note cannot be shown."""


class RuleConflict(RuleError):
    """A change is well formed and cannot be made: no article can have the id, or no such feed is there."""


@dataclass(frozen=True)
class Changed:
    """What a change of many articles did.

    Attributes:
        added: articles that the set did not bar before.
        freed: articles that no rule bars any more.
        still_barred: articles that were to be allowed, and that a feed still bars.
    """

    added: int = 0
    freed: int = 0
    still_barred: int = 0


class RuleBook:
    """The rules of one dataset in Redis.

    Every method raises RedisAway when Redis does not answer, or refuses.
    """

    def __init__(self, client: redis.asyncio.Redis, dataset: str) -> None:
        self._client, self._keys = client, CacheKeys(dataset)

    async def fingerprint(self) -> tuple:
        """Return a short value that differs after a change; earlier releases, too, change the number of fields."""
        keys = self._keys
        asked = self._client.pipeline(transaction=False).get(keys.rules_state).hlen(keys.rules).hlen(keys.barred_sets)
        return tuple(await self._ask(asked.execute()))

    async def stored(self) -> StoredRules:
        """Return all rules undecoded, read at one moment."""
        return stored_rules(await self._ask(self._client.eval(*read_arguments(self._keys))))

    async def read(self) -> LookupRules:
        """Return all rules."""
        return await asyncio.to_thread(LookupRules.from_stored, await self.stored())

    async def bar(self, article_id: str, rule: Rule, note: str) -> Changed:
        """Recommend an article to nobody.

        Raises:
            RuleError: the id is not an article id, or the note is none.
        """
        check_article_ids([article_id])
        check_note(note)
        return Changed(added=await self.change([("bar", article_id, rule_value(BarredArticle(rule, note, _now())))]))

    async def allow(self, article_id: str) -> Changed:
        """Let an article be recommended again, whatever single rule or list bars it; feeds keep theirs."""
        return await self.allow_many([article_id])

    async def bar_many(self, article_ids: Collection[str], rule: Rule, note: str) -> Changed:
        """Recommend articles to nobody, as a list of its own.

        Raises:
            RuleError: there are none, an id is not an article id, or the note is none.
        """
        return await self._write_set(f"{LIST_PREFIX}{_now(compact=True)}", article_ids, rule, note)

    async def replace_feed(self, feed: str, article_ids: Collection[str], rule: Rule, note: str) -> Changed:
        """Bar exactly these articles for a feed: what it barred before and does not name now is free of it.

        Raises:
            RuleError: there are none, an id is not an article id, the name is not one of a feed, or the note is none.
        """
        check_feed(feed)
        return await self._write_set(feed, article_ids, rule, note)

    async def end_feed(self, feed: str) -> Changed:
        """Free all articles of a feed, or of a list.

        Raises:
            RuleConflict: there is no such feed.
        """
        stored = await self.stored()
        if feed.encode() not in stored.sets:
            there_are = ", ".join(name.decode(errors="replace") for name in sorted(stored.sets)) or "none"
            raise RuleConflict(f"there is no feed {feed!r}; there are: {there_are}.")
        await self.change([("end", feed, "")])
        return Changed(freed=len(_numbers_of(stored, feed)))

    async def allow_many(self, article_ids: Collection[str]) -> Changed:
        """Let articles be recommended again, whatever single rules and lists bar them; feeds keep theirs."""
        for _ in range(ATTEMPTS):
            stored = await self.stored()
            changes, changed = await asyncio.to_thread(_changes_to_allow, stored, article_ids)
            if not changes or await self.change(changes, stored.state) != NOT_CHANGED:
                return changed
        raise RuleConflict("others keep changing the rules; try again.")

    async def set_cap(self, most: int) -> None:
        """Limit the articles of one product code in an answer; 0 removes the cap.

        Raises:
            RuleError: the number is negative.
        """
        if most < 0:
            raise RuleError(f"a cap must be 1 or more, or 0 to remove it; got {most}.")
        await self.change([("bar", CAP_FIELD, str(most)) if most else ("allow", CAP_FIELD, "")])

    async def change(self, changes: Sequence[Change], state: str | bytes = ANY_STATE) -> int:
        """Make changes in one step, see `rule_changes`; returns how many fields are new or gone, or `NOT_CHANGED`."""
        return await self._ask(self._client.eval(*change_arguments(self._keys, changes, state)))

    async def _write_set(self, name: str, article_ids: Collection[str], rule: Rule, note: str) -> Changed:
        if not article_ids:
            raise RuleError("the list names no article; end a feed by its name instead of sending it empty.")
        check_note(note)
        numbers = await asyncio.to_thread(_numbers, article_ids)
        stored = await self.stored()
        await self.change([("set", name, encode_barred_set(BarredSet(rule.value, note, _now(), numbers)))])
        before = _numbers_of(stored, name)
        n_kept = len(np.intersect1d(numbers, before, assume_unique=True))
        return Changed(added=len(numbers) - n_kept, freed=len(before) - n_kept)

    async def _ask(self, command):
        try:
            return await command
        except (redis.RedisError, OSError) as error:
            raise RedisAway(f"{failure(self._client, error)} The rules are as they were.") from error


def check_article_ids(article_ids: Collection[str]) -> None:
    """Check that each is an id of an article that can be in a list.

    Raises:
        RuleError: one is not; the message names the first.
        RuleConflict: all are ten digits, and one is a number that no article can have.
    """
    if not article_ids or unique_numbers(article_ids) is not None:
        return
    wrong = [each for each in article_ids if not isinstance(each, str) or unique_numbers([each]) is None]
    is_ten_digits = all(isinstance(each, str) and re.fullmatch(ARTICLE_ID_PATTERN, each) for each in article_ids)
    raise (RuleConflict if is_ten_digits else RuleError)(
        f"article {str(wrong[0])[:40]!r} is not an id ({len(wrong):,} of {len(article_ids):,} are not); write "
        f"ten digits, leading zeros included, from 0000000001 to {MAX_ARTICLE_NUMBER}."
    )


def check_feed(feed: str) -> None:
    """Check the name of a feed.

    Raises:
        RuleError: it is empty, too long, or has other characters than letters, digits, `.`, `_` and `-`.
        RuleConflict: it is one of a list.
    """
    is_name = FEED_NAME.fullmatch(feed)
    if not is_name or feed.startswith(LIST_PREFIX):
        raise (RuleConflict if is_name else RuleError)(
            f"feed {feed[:80]!r} is no name: take up to 64 letters, digits, '.', '_' and '-', not beginning with "
            f"{LIST_PREFIX!r}."
        )


def check_note(note: str) -> None:
    """Check that a note is one line that a terminal and a page can show.

    Raises:
        RuleError: it is too long, or has a line break or another control character.
    """
    if len(note) > MOST_OF_NOTE:
        raise RuleError(f"the note has {len(note):,} characters; {MOST_OF_NOTE} at most say why, shorten it.")
    unshown = next((each for each in note if unicodedata.category(each) in UNSHOWN), None)
    if unshown is not None:
        raise RuleError(
            f"the note has the character U+{ord(unshown):04X}, which cannot be shown; write one line of plain text."
        )


def _numbers(article_ids: Collection[str]) -> np.ndarray:
    check_article_ids(article_ids)
    return unique_numbers(article_ids)


def _changes_to_allow(stored: StoredRules, article_ids: Collection[str]) -> tuple[list[Change], Changed]:
    """Return the changes that free articles, and what they do."""
    wanted = _numbers(article_ids)
    single = [each for each in set(article_ids) if each.encode() in stored.rules]
    changes: list[Change] = [("allow", each, "") for each in single]
    freed, still = [unique_numbers(single) if single else NOBODY], [NOBODY]
    for name in map(bytes.decode, stored.sets):
        numbers = _numbers_of(stored, name)
        found = np.intersect1d(numbers, wanted, assume_unique=True)
        if not name.startswith(LIST_PREFIX):
            still.append(found)
        elif len(found):
            freed.append(found)
            changes.append(_without(stored, name, np.setdiff1d(numbers, found, assume_unique=True)))
    barred = np.unique(np.concatenate(still))
    return changes, Changed(freed=len(np.setdiff1d(np.concatenate(freed), barred)), still_barred=len(barred))


def _without(stored: StoredRules, name: str, left: np.ndarray) -> Change:
    """Return the change that leaves some articles of a set."""
    if not len(left):
        return "end", name, ""
    return "set", name, encode_barred_set(replace(decode_barred_set(stored.sets[name.encode()]), numbers=left))


def _numbers_of(stored: StoredRules, name: str) -> np.ndarray:
    """Return the articles of a set, none of one that cannot be read."""
    try:
        return decode_barred_set(stored.sets[name.encode()]).numbers
    except (CacheFormatError, KeyError):
        return NOBODY


def _now(compact: bool = False) -> str:
    now = datetime.now(UTC)
    return f"{now:%Y%m%dT%H%M%S%fZ}" if compact else now.isoformat(timespec="seconds")
