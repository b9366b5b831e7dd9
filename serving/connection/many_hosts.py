"""Addresses that name several hosts: the Sentinels that know a master, or nodes of a cluster.

    redis+sentinel://USER:PASSWORD@HOST:26379,HOST:26379/MASTER/0       rediss+sentinel:// with TLS to all
    redis+cluster://USER:PASSWORD@HOST:6379,HOST:6379                   rediss+cluster:// with TLS to all

In: a text. Out: its parts, or what is wrong with it, without a word of it. User, password, database and options are
those of the master or of all nodes; the Sentinels' own user and password are the options `sentinel_username` and
`sentinel_password`. Options of TLS hold for all. redis-py has no form for such addresses; that of Sentinels is also the
one of docket and Prefect.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

USER = r"(?:(?:[\w.~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?"
OPTIONS = r"(?:\?[^@#\s]*)?"
HOST = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
_HOSTS = rf"{HOST}(?::[0-9]+)?(?:,{HOST}(?::[0-9]+)?)*"
_MASTER = r"/(?P<master>[A-Za-z0-9._-]+)(?:/(?P<database>[0-9]*))?"
_ADDRESS = re.compile(
    rf"(?P<scheme>rediss?)\+(?:(?P<sentinel>sentinel)|cluster)://(?P<user>{USER})(?P<hosts>{_HOSTS})"
    rf"(?(sentinel){_MASTER}|(?:/0?)?)(?P<options>{OPTIONS})",
    re.ASCII,
)
SCHEMES = "redis+sentinel://", "rediss+sentinel://", "redis+cluster://", "rediss+cluster://"
SENTINEL_PORT, NODE_PORT, MOST_PORT = 26_379, 6_379, 65_535
OF_SENTINELS = {"sentinel_username": "username", "sentinel_password": "password"}
FORM = "redis+sentinel://USER:PASSWORD@HOST:26379,HOST:26379/MASTER/0"
FORM_OF_CLUSTER = "redis+cluster://USER:PASSWORD@HOST:6379,HOST:6379"


@dataclass(frozen=True)
class ManyHosts:
    """An address that could be read.

    Attributes:
        hosts: names and ports of Sentinels or nodes.
        master: the name by which Sentinels know it; empty of a cluster.
        server_url: as redis-py takes it, with user, database and options of the servers, and with the first host.
        sentinel_options: user and password of the Sentinels.
        is_encrypted: whether all speak TLS.
    """

    hosts: tuple[tuple[str, int], ...]
    master: str
    server_url: str
    sentinel_options: dict[str, Any]
    is_encrypted: bool

    @property
    def is_cluster(self) -> bool:
        """Whether the hosts are nodes of a cluster."""
        return not self.master


def many_hosts(url: str) -> ManyHosts | None:
    """Read an address; None if it is none of these forms, or a port is none."""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        return None
    pairs = re.findall(rf"({HOST})(?::([0-9]+))?", found["hosts"])
    usual_port = SENTINEL_PORT if found["sentinel"] else NODE_PORT
    hosts = tuple((host.strip("[]"), int(port or usual_port)) for host, port in pairs)
    if not all(0 < port <= MOST_PORT for _, port in hosts):
        return None
    options = parse_qsl(found["options"][1:])
    of_sentinels = OF_SENTINELS if found["sentinel"] else {}
    given = urlencode([each for each in options if each[0] not in of_sentinels])
    return ManyHosts(
        hosts,
        found["master"] or "",
        f"{found['scheme']}://{found['user']}{pairs[0][0]}/{found['database'] or 0}?{given}".rstrip("?"),
        {of_sentinels[name]: value for name, value in options if name in of_sentinels},
        found["scheme"] == "rediss",
    )


def wrong_hosts(url: str) -> str | None:
    """Say what is wrong with the hosts of an address without its user, and with what follows; None if nothing is."""
    scheme, _, rest = url.partition("://")
    is_cluster = scheme.endswith("cluster")
    form = FORM_OF_CLUSTER if is_cluster else FORM
    hosts, _, path = rest.partition("?")[0].partition("/")
    for each in hosts.split(","):
        host, colon, port = each.rpartition(":") if re.search(r":[^]]*$", each) else (each, "", "")
        if not host:
            return f"it lacks a host; write it as {form}"
        if colon and not (port.isdecimal() and 0 < int(port) <= MOST_PORT):
            return f"a port is no number from 1 to {MOST_PORT}; if that is a password, write the URL as {form}"
    if is_cluster:
        return None if path in ("", "0") else f"a cluster has no database but 0; write the URL as {form}"
    master, _, database = path.partition("/")
    if not master or (database and not database.isdecimal()):
        return f"after the hosts come the name of the master and the number of a database, as in {form}"
    return None


def shown_hosts(hosts: Iterable[tuple[str, int]], is_encrypted: bool, master: str = "", database: int = 0) -> str:
    """Return an address as it may be shown and logged; the order of the hosts is no part of it."""
    named = ",".join(sorted(f"{_bracketed(host)}:{port}" for host, port in hosts))
    scheme = "rediss" if is_encrypted else "redis"
    return f"{scheme}+sentinel://{named}/{master}/{database}" if master else f"{scheme}+cluster://{named}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
