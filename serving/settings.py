"""Settings of the API, from the environment; each has a default that works on one machine.

    DATASET                 demo        the dataset whose lists are served: any that `make run` makes
    HOST                    127.0.0.1   address to listen on; one that is not loopback needs API_KEYS
    PORT                    8000        port to listen on
    REDIS_URL               (not set)   URL of Redis, see docs/deployment.md; without it the embedded Redis is used
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
    KEEP_ALIVE_SECONDS      90          how long a connection waits for its next request; longer than a proxy keeps it
    HEAD_SECONDS            10          how long a request's head may take to arrive
    BODY_SECONDS            30          how long a request's body may take to arrive, and an answer to be taken
    SHUTDOWN_SECONDS        4           how long requests in progress may take to end when the process is stopped
    MAX_CONNECTIONS         1000        open connections; by `ulimit -n` there may be fewer
    MAX_BODIES_MIB          32          all request bodies together that are held at a time
    ALLOWED_HOSTS           (not set)   names that an API without keys is asked by, besides those of loopback
    ROOT_PATH               (not set)   path under which a proxy publishes the API: /recommendations-api
    CORS_ORIGINS            (not set)   pages that may call from a browser: https://shop.example,http://localhost:3000
    IMAGES_URL              (not set)   pictures on the page: https://host/{article_id}.jpg, or a folder of them

REDIS_URL and EMBEDDED_REDIS_DIR are read by `serving.connection.redis_connection`, which the publisher shares.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from serving.cache.contract import CacheKeys, DatasetNameError
from serving.customer_mask import HASH, MaskError, customer_mask
from serving.errors import ServingError

MIN_KEY_CHARACTERS = 8
CALLER = re.compile(r"[A-Za-z0-9._-]{1,64}")
KEY = re.compile(r"[!#-&(-+\-.-~]+")  # printable ASCII, which every client sends alike, without quotes and commas
RESERVED_CALLERS = frozenset({"administrator", "anonymous"})  # names that the log has for others
HOST = re.compile(r"[a-z0-9_.-]+|\[[0-9a-f:.]+\]")
ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
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
    log_customer_ids: str = HASH
    log_hash_key: str = ""
    sample_dir: str = ""
    sample_share: float = 0.05
    sample_file_mib: float = 64.0
    sample_file_hours: float = 24.0
    sample_files: int = 30
    rate_limit: float = 0.0
    keep_alive_seconds: int = 90
    head_seconds: float = 10.0
    body_seconds: float = 30.0
    shutdown_seconds: int = 4
    max_connections: int = 1000
    max_bodies_mib: float = 32.0
    allowed_hosts: Sequence[str] = ()
    root_path: str = ""
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
        _check_mask(given)
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
            admin_api_key=_admin_key(given.get("admin_api_key", ""), api_keys),
            log_requests=_word(given, "log_requests", "on", ("on", "off")) == "on",
            log_customer_ids=given.get("log_customer_ids", cls.log_customer_ids).lower(),
            log_hash_key=given.get("log_hash_key", cls.log_hash_key),
            sample_dir=_expanded(given.get("sample_dir", "")),
            sample_share=_number(given, "sample_share", cls.sample_share, 0, 1),
            sample_file_mib=_number(given, "sample_file_mib", cls.sample_file_mib, 0.001, 1_048_576),
            sample_file_hours=_number(given, "sample_file_hours", cls.sample_file_hours, 0.001, 8_760),
            sample_files=int(_number(given, "sample_files", cls.sample_files, 1, 1_000_000)),
            rate_limit=_number(given, "rate_limit", cls.rate_limit, 0, 1_000_000),
            keep_alive_seconds=int(_number(given, "keep_alive_seconds", cls.keep_alive_seconds, 1, 3_600)),
            head_seconds=_number(given, "head_seconds", cls.head_seconds, 0.1, 600),
            body_seconds=_number(given, "body_seconds", cls.body_seconds, 0.1, 600),
            shutdown_seconds=int(_number(given, "shutdown_seconds", cls.shutdown_seconds, 0, 600)),
            max_connections=int(_number(given, "max_connections", cls.max_connections, 1, 1_000_000)),
            max_bodies_mib=_number(given, "max_bodies_mib", cls.max_bodies_mib, 1, 65_536),
            allowed_hosts=_hosts(given.get("allowed_hosts", "")),
            root_path=_root_path(given.get("root_path", "")),
            cors_origins=_origins(given.get("cors_origins", "")),
            images_url=_expanded(given.get("images_url", "")),
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost"


def _keys(text: str) -> dict[str, str]:
    """Read NAME:KEY,NAME:KEY; no error repeats what may be secret."""
    pairs = [pair.strip().partition(":") for pair in text.split(",") if pair.strip()]
    if text and not pairs:
        raise SettingsError("API_KEYS is set and names no key; write NAME:KEY,NAME:KEY, or unset it.")
    keys = {name: key for name, _, key in pairs}
    if not all(CALLER.fullmatch(name) and key for name, _, key in pairs) or len(keys) < len(pairs):
        raise SettingsError(
            "API_KEYS must be NAME:KEY,NAME:KEY with each name once, of letters, digits, dots, dashes and underscores."
        )
    for name, key in keys.items():
        if name in RESERVED_CALLERS:
            raise SettingsError(f"API_KEYS has the name {name}, which the log has for others; choose another one.")
        _check_key(f"API_KEYS: the key of {name}", key)
    if len({*keys.values()}) < len(keys):
        raise SettingsError("API_KEYS has one key under two names; give each caller a key of its own.")
    return keys


def _admin_key(key: str, api_keys: Mapping[str, str]) -> str:
    if key:
        _check_key("ADMIN_API_KEY", key)
    if key in api_keys.values():
        raise SettingsError("ADMIN_API_KEY is also a caller's key; give the administrator a key of its own.")
    return key


def _check_key(what: str, key: str) -> None:
    """Refuse a key that clients send in different ways or not at all, or that is soon guessed."""
    if not KEY.fullmatch(key):
        raise SettingsError(
            f"{what} has a character that does not belong into a key; use printable ASCII without spaces, quotes and "
            "commas, such as what `openssl rand -hex 16` prints."
        )
    if len(key) < MIN_KEY_CHARACTERS:
        raise SettingsError(
            f"{what} has {len(key)} characters; use {MIN_KEY_CHARACTERS} or more, such as what `openssl rand -hex 16` "
            "prints."
        )


def _word(given: Mapping[str, str], name: str, default: str, allowed: Sequence[str]) -> str:
    word = given.get(name, default).lower()
    if word not in allowed:
        raise SettingsError(f"{name.upper()} is {word!r}; use {', '.join(allowed[:-1])} or {allowed[-1]}.")
    return word


def _expanded(text: str) -> str:
    """Return a folder with `~` as the shell would have it; an environment file goes through none."""
    return str(Path(text).expanduser()) if text.startswith("~") else text


def _check_mask(given: Mapping[str, str]) -> None:
    try:
        customer_mask(given.get("log_customer_ids", HASH).lower(), given.get("log_hash_key", ""))
    except MaskError as error:
        raise SettingsError(str(error)) from error


def _origins(text: str) -> tuple[str, ...]:
    """Read ORIGIN,ORIGIN; an origin is what a browser sends: a scheme, a host and maybe a port."""
    origins = tuple(origin.strip() for origin in text.split(",") if origin.strip())
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise SettingsError(
                f"CORS_ORIGINS has {origin!r}; name origins in full, without a path: https://shop.example"
            )
    return origins


def _hosts(text: str) -> tuple[str, ...]:
    """Read HOST,HOST; a host is a name or an address, as `Host` has it without the port."""
    hosts = tuple(host.strip().lower() for host in text.split(",") if host.strip())
    for host in hosts:
        if not HOST.fullmatch(host):
            raise SettingsError(f"ALLOWED_HOSTS has {host!r}; name hosts without scheme and port: api.shop.example")
    return hosts


def _root_path(text: str) -> str:
    """Read a path; a slash at its end says nothing."""
    path = text.rstrip("/")
    if path and not ROOT_PATH.fullmatch(path):
        raise SettingsError(f"ROOT_PATH is {text!r}; it must be a path such as /recommendations-api.")
    return path


def _number(given: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = given.get(name, str(default))
    try:
        number = type(default)(text)
    except ValueError:
        number = None
    if number is None or not low <= number <= high:
        raise SettingsError(f"{name.upper()} is {text!r}; it must be a number from {low} to {high}.")
    return number
