"""Addresses that name several hosts: the Sentinels that know a master.

    redis+sentinel://USER:PASSWORD@HOST:26379,HOST:26379/MASTER/0       rediss+sentinel:// with TLS to all

In: a text. Out: its parts, or what is wrong with it, without a word of it. User, password, database and options are
those of the master; the Sentinels' own user and password are the options `sentinel_username` and `sentinel_password`.
Options of TLS hold for both. redis-py has no form for such an address; this one is also that of docket and Prefect.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

USER = r"(?:(?:[\w.~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"
OPTIONS = r"(?:\?[^@#\s]*)?"
HOST = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
_HOSTS = rf"{HOST}(?::[0-9]+)?(?:,{HOST}(?::[0-9]+)?)*"
_ADDRESS = re.compile(
    rf"(?P<scheme>rediss?)\+sentinel://(?P<user>{USER})(?P<hosts>{_HOSTS})/(?P<master>[A-Za-z0-9._-]+)"
    rf"(?:/(?P<database>[0-9]*))?(?P<options>{OPTIONS})",
    re.ASCII,
)
SCHEMES = "redis+sentinel://", "rediss+sentinel://"
SENTINEL_PORT, MOST_PORT = 26_379, 65_535
OF_SENTINELS = {"sentinel_username": "username", "sentinel_password": "password"}
FORM = "redis+sentinel://USER:PASSWORD@HOST:26379,HOST:26379/MASTER/0"


@dataclass(frozen=True)
class ManyHosts:
    """An address that could be read.

    Attributes:
        hosts: names and ports of the Sentinels.
        master: the name by which they know it.
        server_url: as redis-py takes it, with user, database and options of the master, and with a Sentinel's host.
        sentinel_options: user and password of the Sentinels.
        is_encrypted: whether all speak TLS.
    """

    hosts: tuple[tuple[str, int], ...]
    master: str
    server_url: str
    sentinel_options: dict[str, Any]
    is_encrypted: bool


def many_hosts(url: str) -> ManyHosts | None:
    """Read an address; None if it is none of this form, or a port is none."""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        return None
    pairs = re.findall(rf"({HOST})(?::([0-9]+))?", found["hosts"])
    hosts = tuple((host.strip("[]"), int(port or SENTINEL_PORT)) for host, port in pairs)
    if not all(0 < port <= MOST_PORT for _, port in hosts):
        return None
    options = parse_qsl(found["options"][1:])
    given = urlencode([each for each in options if each[0] not in OF_SENTINELS])
    first = pairs[0][0]
    return ManyHosts(
        hosts,
        found["master"],
        f"{found['scheme']}://{found['user']}{first}/{found['database'] or 0}?{given}".rstrip("?"),
        {OF_SENTINELS[name]: value for name, value in options if name in OF_SENTINELS},
        found["scheme"] == "rediss",
    )


def wrong_hosts(rest: str) -> str | None:
    """Say what is wrong with hosts and master of an address, given what follows its user; None if nothing is."""
    hosts, _, path = rest.partition("?")[0].partition("/")
    for each in hosts.split(","):
        host, colon, port = each.rpartition(":") if re.search(r":[^]]*$", each) else (each, "", "")
        if not host:
            return f"it lacks a host; write it as {FORM}"
        if colon and not (port.isdecimal() and 0 < int(port) <= MOST_PORT):
            return f"a port is no number from 1 to {MOST_PORT}; if that is a password, write the URL as {FORM}"
    master, _, database = path.partition("/")
    if not master or not database.isdecimal() and database:
        return f"after the hosts come the name of the master and the number of a database, as in {FORM}"
    return None


def shown_hosts(
    sentinels: Iterable[Mapping[str, Any]], master: str, database: int | None = None, is_encrypted: bool = False
) -> str:
    """Return the address of a master as it may be shown and logged.

    Args:
        sentinels: options of the connections to them, in any order, as redis-py keeps them.
        master: the name by which they know it.
        database: of the master.
        is_encrypted: whether all speak TLS.
    """
    hosts = sorted(f"{_bracketed(each['host'])}:{each['port']}" for each in sentinels)
    return f"{SCHEMES[is_encrypted]}{','.join(hosts)}/{master}/{database or 0}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
