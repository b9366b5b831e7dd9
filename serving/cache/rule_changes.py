"""Changes of the rules in Redis, each in one step, and how a reader knows that there was one.

Stage: beside `contract`. In: what is to be changed. Out: the arguments of a script, the same for every client.

Every change writes a state, `<lineage>:<number>:<rules>:<sets>`. The number counts changes, so that a reader asks for
one short value and reads all rules only when it differs. The lineage is drawn when rules begin, and again when they
begin anew because Redis has lost everything: a reader that knew another lineage, or a higher number, knows rules that
Redis has lost. The last two count fields: a hash that is gone while they say otherwise was evicted.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from serving.cache.contract import CacheKeys

# All keys carry the same hash tag, so it runs on a Redis Cluster too.
CHANGE_SCRIPT = """
-- KEYS: state, rules, sets   ARGV: the state it must be or '*', a new lineage, then operation, name, value in turns
local state = redis.call('get', KEYS[1]) or ''
if ARGV[1] ~= '*' and ARGV[1] ~= state then return -1 end
local changed = 0
for i = 3, #ARGV, 3 do
  local operation, name, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if operation == 'bar' then changed = changed + redis.call('hset', KEYS[2], name, value)
  elseif operation == 'allow' then changed = changed + redis.call('hdel', KEYS[2], name)
  elseif operation == 'return' then changed = changed + redis.call('hsetnx', KEYS[2], name, value)
  elseif operation == 'set' then changed = changed + redis.call('hset', KEYS[3], name, value)
  elseif operation == 'end' then changed = changed + redis.call('hdel', KEYS[3], name)
  elseif operation == 'return-set' then changed = changed + redis.call('hsetnx', KEYS[3], name, value) end
end
local lineage, number = string.match(state, '^(%w+):(%d+)')
local counts = ':' .. redis.call('hlen', KEYS[2]) .. ':' .. redis.call('hlen', KEYS[3])
redis.call('set', KEYS[1], (lineage or ARGV[2]) .. ':' .. ((number or 0) + 1) .. counts)
return changed
"""
# One step as well, and one command: redis-py's transactions on a cluster do not keep to their event loop.
READ_SCRIPT = """
return {redis.call('get', KEYS[1]) or '', redis.call('hgetall', KEYS[2]), redis.call('hgetall', KEYS[3])}
"""
ANY_STATE, NOT_CHANGED = "*", -1
STATE = re.compile(rb"(\w+):(\d+):(\d+):(\d+)")
OPERATIONS_AT_ONCE = 10_000

Change = tuple[str, str | bytes, str | bytes]
"""An operation of the script, the name of a field and its value."""


@dataclass(frozen=True)
class StoredRules:
    """The rules as Redis holds them, undecoded.

    Attributes:
        state: see above; empty before the first change, and in what earlier releases wrote.
        rules: fields of the hash of single articles and of the cap.
        sets: fields of the hash of barred sets.
    """

    state: bytes = b""
    rules: Mapping[bytes, bytes] = field(default_factory=dict)
    sets: Mapping[bytes, bytes] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of rules, a set counting as one."""
        return len(self.rules) + len(self.sets)

    @property
    def place(self) -> tuple[bytes, int]:
        """Lineage and number of the state."""
        found = STATE.fullmatch(self.state)
        return (found[1], int(found[2])) if found else (b"", 0)

    @property
    def evicted(self) -> tuple[bool, bool]:
        """Whether all rules of single articles, and all sets, are gone without a change."""
        found = STATE.fullmatch(self.state)
        return (int(found[3]) > 0 and not self.rules, int(found[4]) > 0 and not self.sets) if found else (False, False)


def change_arguments(keys: CacheKeys, changes: Sequence[Change], state: str | bytes = ANY_STATE) -> list:
    """Return the arguments of EVAL that make changes; it answers `NOT_CHANGED` unless the state is the given one."""
    arguments = [each for change in changes for each in change]
    return [CHANGE_SCRIPT, 3, keys.rules_state, keys.rules, keys.barred_sets, state, secrets.token_hex(8), *arguments]


def read_arguments(keys: CacheKeys) -> list:
    """Return the arguments of EVAL that read all rules at one moment."""
    return [READ_SCRIPT, 3, keys.rules_state, keys.rules, keys.barred_sets]


def stored_rules(answer: Sequence) -> StoredRules:
    """Return what it answers."""
    state, rules, sets = answer
    return StoredRules(state, *(dict(zip(each[::2], each[1::2], strict=True)) for each in (rules, sets)))


def lost_rules(known: StoredRules, found: StoredRules) -> list[Change]:
    """Return the changes that give Redis back what it has lost; none if it has lost nothing.

    Args:
        known: the rules as they were known last.
        found: the rules as Redis holds them now.
    """
    (lineage, number), (found_lineage, found_number) = known.place, found.place
    if not lineage:
        return []
    all_lost = lineage != found_lineage or number > found_number
    rules_lost, sets_lost = found.evicted
    rules = [("return", name, value) for name, value in known.rules.items() if name not in found.rules]
    sets = [("return-set", name, value) for name, value in known.sets.items() if name not in found.sets]
    return rules * (all_lost or rules_lost) + sets * (all_lost or sets_lost)
