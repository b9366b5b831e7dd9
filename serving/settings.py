"""Settings of the API, from the environment; each has a default that works on one machine.

    DATASET                 demo        whose lists are served: demo, online-retail, kaggle-hm
    HOST                    127.0.0.1   address to listen on; another than loopback needs API_KEYS
    PORT                    8000        port to listen on
    REDIS_URL               (none)      redis:// or rediss:// URL; without it the embedded Redis is used
    EMBEDDED_REDIS_DIR      data/redis  files of the embedded Redis
    REDIS_TIMEOUT_SECONDS   0.5         longest wait for one answer of Redis; a shopper's page does not wait longer
    STALE_AFTER_HOURS       36          lists older than that are marked stale: two nights were missed
    API_KEYS                (none)      who may ask, as NAME:KEY,NAME:KEY; without it everybody, on loopback only
    ADMIN_API_KEY           (none)      of who may change rules over HTTP; without it nobody
    LOG_LEVEL               info        of uvicorn; requests are not logged, their paths hold customer ids

REDIS_URL and EMBEDDED_REDIS_DIR are read by `serving.redis_connection`, which the publisher shares.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from serving.cache_contract import CacheKeys


class SettingsError(ValueError):
    """An environment variable has a value that cannot be used."""


@dataclass(frozen=True)
class Settings:
    """The API's settings, see the module's table."""

    dataset: str = "demo"
    host: str = "127.0.0.1"
    port: int = 8000
    redis_timeout_seconds: float = 0.5
    stale_after_hours: float = 36.0
    log_level: str = "info"
    api_keys: Mapping[str, str] = field(default_factory=dict)
    admin_api_key: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the environment; an empty variable counts as not set.

        Raises:
            SettingsError: a value of the wrong kind or out of range; names the variable.
        """
        given = {name: environment[name.upper()] for name in cls.__dataclass_fields__ if environment.get(name.upper())}
        dataset = given.get("dataset", cls.dataset)
        try:
            CacheKeys(dataset)
        except ValueError as error:
            raise SettingsError(f"DATASET: {error}") from error
        log_level = given.get("log_level", cls.log_level).lower()
        if log_level not in {"critical", "error", "warning", "info", "debug"}:
            raise SettingsError(f"LOG_LEVEL is {log_level!r}; use critical, error, warning, info or debug.")
        host, api_keys = given.get("host", cls.host), _keys(given.get("api_keys", ""))
        if not api_keys and not _is_loopback(host):
            raise SettingsError(f"HOST is {host!r}, which others can reach; give callers keys: API_KEYS=shop:a-secret")
        return cls(
            dataset=dataset,
            host=host,
            port=int(_number(given, "port", cls.port, 0, 65_535)),
            redis_timeout_seconds=_number(given, "redis_timeout_seconds", cls.redis_timeout_seconds, 0.01, 60),
            stale_after_hours=_number(given, "stale_after_hours", cls.stale_after_hours, 0, 8_760),
            log_level=log_level,
            api_keys=api_keys,
            admin_api_key=given.get("admin_api_key", ""),
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"


def _keys(text: str) -> dict[str, str]:
    """Read NAME:KEY,NAME:KEY; the error does not repeat what may be secret."""
    pairs = [pair.strip().partition(":") for pair in text.split(",") if pair.strip()]
    if not all(name and key for name, _, key in pairs) or len({name for name, _, _ in pairs}) < len(pairs):
        raise SettingsError("API_KEYS must be NAME:KEY,NAME:KEY with each name once.")
    return {name: key for name, _, key in pairs}


def _number(given: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = given.get(name, str(default))
    try:
        number = type(default)(text)
    except ValueError:
        number = None
    if number is None or not low <= number <= high:
        raise SettingsError(f"{name.upper()} is {text!r}; it must be a number from {low} to {high}.")
    return number
