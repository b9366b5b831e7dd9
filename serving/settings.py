"""Settings of the API, from the environment; each has a default that works on one machine.

    DATASET                 demo        the dataset whose lists are served: demo, online-retail, kaggle-hm
    HOST                    127.0.0.1   address to listen on; one that is not loopback needs API_KEYS
    PORT                    8000        port to listen on
    REDIS_URL               (not set)   redis:// or rediss:// URL; without it the embedded Redis is used
    EMBEDDED_REDIS_DIR      data/redis  files of the embedded Redis
    REDIS_TIMEOUT_SECONDS   0.5         longest wait for one answer of Redis; a shopper's page does not wait longer
    STALE_AFTER_HOURS       36          age from which lists are marked stale: two nights were missed
    API_KEYS                (not set)   keys of callers, NAME:KEY,NAME:KEY; without it anybody may ask, on loopback only
    ADMIN_API_KEY           (not set)   key for changing rules over HTTP; without it nobody can
    LOG_LEVEL               info        least level that is logged: critical, error, warning, info, debug
    LOG_REQUESTS            on          whether each request gets a line, of level info: on, off
    LOG_CUSTOMER_IDS        hash        what log and sample write for a customer: hash, clear, none
    LOG_HASH_KEY            (not set)   key of that hash; without it, who can guess ids can find them by their hashes
    SAMPLE_DIR              (not set)   folder for a sample of the served lists; without it no sample is kept
    SAMPLE_SHARE            0.05        share of the customers who are in the sample
    SAMPLE_FILE_MIB         64          size at which a new file of the sample begins
    SAMPLE_FILE_HOURS       24          age at which a new file of the sample begins
    SAMPLE_FILES            30          files of the sample that are kept
    RATE_LIMIT              0           requests a second of one caller; four lists of a batch count as one; 0: no limit
    CORS_ORIGINS            (not set)   pages that may call from a browser: https://shop.example,http://localhost:3000
    IMAGES_URL              (not set)   pictures on the page: https://host/{article_id}.jpg, or a folder of them

REDIS_URL and EMBEDDED_REDIS_DIR are read by `serving.connection.redis_connection`, which the publisher shares.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from serving.cache.contract import CacheKeys, DatasetNameError
from serving.errors import ServingError

MAX_HASH_KEY_BYTES = 64  # of a key of BLAKE2b
ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")


class SettingsError(ServingError, ValueError):
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
    log_requests: bool = True
    log_customer_ids: str = "hash"
    log_hash_key: str = ""
    sample_dir: str = ""
    sample_share: float = 0.05
    sample_file_mib: float = 64.0
    sample_file_hours: float = 24.0
    sample_files: int = 30
    rate_limit: float = 0.0
    cors_origins: Sequence[str] = ()
    images_url: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the environment; an empty variable counts as not set.

        Raises:
            SettingsError: a value is of the wrong kind or out of range; the message names the variable.
        """
        given = {name: environment[name.upper()] for name in cls.__dataclass_fields__ if environment.get(name.upper())}
        dataset = given.get("dataset", cls.dataset)
        try:
            CacheKeys(dataset)
        except DatasetNameError as error:
            raise SettingsError(f"DATASET: {error}") from error
        host, api_keys = given.get("host", cls.host), _keys(given.get("api_keys", ""))
        if not api_keys and not _is_loopback(host):
            raise SettingsError(f"HOST is {host!r}, which others can reach; give callers keys: API_KEYS=shop:a-secret")
        return cls(
            dataset=dataset,
            host=host,
            port=int(_number(given, "port", cls.port, 0, 65_535)),
            redis_timeout_seconds=_number(given, "redis_timeout_seconds", cls.redis_timeout_seconds, 0.01, 60),
            stale_after_hours=_number(given, "stale_after_hours", cls.stale_after_hours, 0, 8_760),
            log_level=_word(given, "log_level", cls.log_level, ("critical", "error", "warning", "info", "debug")),
            api_keys=api_keys,
            admin_api_key=given.get("admin_api_key", ""),
            log_requests=_word(given, "log_requests", "on", ("on", "off")) == "on",
            log_customer_ids=_word(given, "log_customer_ids", cls.log_customer_ids, ("hash", "clear", "none")),
            log_hash_key=_hash_key(given.get("log_hash_key", "")),
            sample_dir=given.get("sample_dir", ""),
            sample_share=_number(given, "sample_share", cls.sample_share, 0, 1),
            sample_file_mib=_number(given, "sample_file_mib", cls.sample_file_mib, 0.001, 1_048_576),
            sample_file_hours=_number(given, "sample_file_hours", cls.sample_file_hours, 0.001, 8_760),
            sample_files=int(_number(given, "sample_files", cls.sample_files, 1, 1_000_000)),
            rate_limit=_number(given, "rate_limit", cls.rate_limit, 0, 1_000_000),
            cors_origins=_origins(given.get("cors_origins", "")),
            images_url=given.get("images_url", ""),
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


def _word(given: Mapping[str, str], name: str, default: str, allowed: Sequence[str]) -> str:
    word = given.get(name, default).lower()
    if word not in allowed:
        raise SettingsError(f"{name.upper()} is {word!r}; use {', '.join(allowed[:-1])} or {allowed[-1]}.")
    return word


def _hash_key(text: str) -> str:
    if len(text.encode()) > MAX_HASH_KEY_BYTES:
        raise SettingsError(f"LOG_HASH_KEY is longer than {MAX_HASH_KEY_BYTES} bytes; use a shorter key.")
    return text


def _origins(text: str) -> tuple[str, ...]:
    """Read ORIGIN,ORIGIN; an origin is what a browser sends: a scheme, a host and maybe a port."""
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"CORS_ORIGINS has {origin!r}; name origins in full, without a path: https://shop.example"
            )
    return origins


def _number(given: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = given.get(name, str(default))
    try:
        number = type(default)(text)
    except ValueError:
        number = None
    if number is None or not low <= number <= high:
        raise SettingsError(f"{name.upper()} is {text!r}; it must be a number from {low} to {high}.")
    return number
