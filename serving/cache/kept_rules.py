"""The rules on this machine's disk, too, so that they outlive a Redis that loses its data.

Stage: beside publishing and the commands. In: a client. Out: a private file for each dataset and Redis, replaced in one
step; what Redis has lost is given back to it.

Whoever changes rules by a command, and whoever publishes, compares the file with Redis first and writes it afterwards.
A change over HTTP reaches the file with the next publication.
"""

import json
import os
import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import redis

from serving.cache.contract import CacheKeys
from serving.cache.rule_changes import (
    OPERATIONS_AT_ONCE,
    StoredRules,
    change_arguments,
    lost_rules,
    read_arguments,
    stored_rules,
)
from serving.connection.redis_clients import address_of
from serving.connection.redis_connection import data_folder
from serving.connection.redis_failures import failure


def read_stored_rules(client: redis.Redis, keys: CacheKeys) -> StoredRules:
    """Read all rules at one moment.

    Raises:
        redis.RedisError: Redis fails, or a key is of another kind.
    """
    return stored_rules(client.eval(*read_arguments(keys)))


def rescue_rules(client: redis.Redis, dataset: str) -> list[str]:
    """Give Redis back the rules that it has lost since they were kept here, and keep those it has now.

    Returns:
        What is to be said about it: a line for rules that were given back, or that could not be read or kept.

    Raises:
        redis.RedisError: Redis cannot be reached.
    """
    try:
        return _rescue(client, dataset)
    except redis.ResponseError as error:
        return [f"{failure(client, error)} The rules of {dataset} may not be in force; look at `make rules`."]


def _rescue(client: redis.Redis, dataset: str) -> list[str]:
    keys, path = CacheKeys(dataset), rules_file(client, dataset)
    told = []
    try:
        known = _read(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        known, told = StoredRules(), [f"the rules in {path} cannot be read ({error}); they are written anew."]
    found = read_stored_rules(client, keys)
    if lost := lost_rules(known, found):
        for first in range(0, len(lost), OPERATIONS_AT_ONCE):
            client.eval(*change_arguments(keys, lost[first : first + OPERATIONS_AT_ONCE]))
        told.append(
            f"Redis had lost {len(lost):,} of the {len(known):,} rules of {dataset}, the newest of {_time_of(path)}; "
            "they are back (`make rules` shows them)."
        )
    return told + keep_rules(client, dataset)


def keep_rules(client: redis.Redis, dataset: str) -> list[str]:
    """Keep the rules that Redis has now.

    Returns:
        What is to be said about it: a line if this machine cannot keep them.
    """
    keys, path = CacheKeys(dataset), rules_file(client, dataset)
    found = read_stored_rules(client, keys)
    if len(found) and not found.state:  # of an earlier release: from now on a loss is noticed
        client.eval(*change_arguments(keys, []))
        found = read_stored_rules(client, keys)
    if not found.state:
        return []
    try:
        if not path.exists() or _read(path) != found:
            _write(path, found, _where(client))
    except ValueError:
        _write(path, found, _where(client))
    except OSError as error:
        return [f"the rules hold, but this machine cannot keep them as well ({error})."]
    return []


def rules_file(client: redis.Redis, dataset: str) -> Path:
    """Return where this machine keeps a dataset's rules: one file for the embedded Redis, one for each other."""
    where = _where(client)
    which = f"-{blake2b(where.encode(), digest_size=4).hexdigest()}" if where else ""
    return data_folder() / "rules" / f"{dataset}{which}.json"


def _where(client: redis.Redis) -> str:
    """Return the address of a Redis, the same with TLS; empty for the embedded one, whose folder may move."""
    return re.sub("^rediss", "redis", address_of(client)) if os.environ.get("REDIS_URL") else ""


def _time_of(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")


def _read(path: Path) -> StoredRules:
    if not path.exists():
        return StoredRules()
    kept = json.loads(path.read_text(encoding="utf-8"))
    rules, sets = ({_bytes(name): _bytes(text) for name, text in kept[part].items()} for part in ("rules", "sets"))
    return StoredRules(kept["state"].encode(), rules, {name: b64decode(text) for name, text in sets.items()})


def _write(path: Path, rules: StoredRules, where: str) -> None:
    """Replace the file in one step; only its owner can read it."""
    content = {
        "redis": where or "embedded",
        "state": rules.state.decode(),
        "rules": {_text(name): _text(value) for name, value in rules.rules.items()},
        "sets": {_text(name): b64encode(value).decode() for name, value in rules.sets.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    temporary = path.with_suffix(f".{os.getpid()}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _text(value: bytes) -> str:
    """Return any bytes as text that JSON and UTF-8 take."""
    return value.decode("utf-8") if _is_utf8(value) else "base64:" + b64encode(value).decode()


def _bytes(text: str) -> bytes:
    """Inverse of `_text`."""
    return b64decode(text.removeprefix("base64:")) if text.startswith("base64:") else text.encode()


def _is_utf8(value: bytes) -> bool:
    try:
        return not value.decode("utf-8").startswith("base64:")
    except UnicodeDecodeError:
        return False
