"""What listens on a port: a Redis, something that speaks TLS, or a web server.

In: host and port of an address at which a client failed. Out: the protocol of whoever is there.

A client that speaks TLS to a Redis without it waits for nothing, and one that speaks Redis's protocol to anything else
sees the connection closed. One line in plain text gets an answer from most; what does not answer may speak TLS alone.
"""

import socket
import ssl
from enum import StrEnum

SECONDS = 1.0
QUESTION = b"PING\r\n\r\n"  # Redis takes a command as a line, too; a web server takes it for a bad request


class Protocol(StrEnum):
    """What a port speaks."""

    REDIS = "redis"
    TLS = "tls"
    WEB = "web"
    UNKNOWN = "unknown"


def spoken_protocol(host: str, port: int) -> Protocol:
    """Ask a port what it is; no password is sent."""
    try:
        with socket.create_connection((host, port), SECONDS) as asked:
            asked.settimeout(SECONDS)
            asked.sendall(QUESTION)
            answer = asked.recv(64)
    except OSError:
        answer = b""
    if answer.startswith((b"+PONG", b"-")):
        return Protocol.REDIS
    if b"HTTP" in answer or b"html" in answer.lower():
        return Protocol.WEB
    return Protocol.TLS if _shakes_hands(host, port) else Protocol.UNKNOWN


def tls_refusal(host: str, port: int, context: ssl.SSLContext) -> ssl.SSLError | None:
    """Return why a port ends TLS with a client, None if it does not; whoever writes to it may lose its reason."""
    try:
        with socket.create_connection((host, port), SECONDS) as asked, context.wrap_socket(asked) as encrypted:
            encrypted.recv(1)
    except ssl.SSLError as error:
        return error
    except OSError:
        pass
    return None


def _shakes_hands(host: str, port: int) -> bool:
    """Whether a port speaks TLS, with whatever certificate: nothing is sent but the handshake."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((host, port), SECONDS) as asked, context.wrap_socket(asked):
            return True
    except OSError:
        return False
