"""A registry of images on this machine that speaks the distribution specification's HTTP, tokens included."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

INDEX = "application/vnd.oci.image.index.v1+json"


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@dataclass
class Registry:
    """What the registry has, what it says instead, and what it was asked.

    Attributes:
        images: the bodies of indexes, by `repository:tag`.
        kind: the media type of every body.
        instead: by path, the status and the headers of an answer that is no image.
        says: what the header with the digest says; by default the body's digest, none if None.
        elsewhere: the host that who may read an image is sent to.
        challenge: how a token is asked for; `{host}` and `{scope}` are filled in. Without one, none is needed.
        asked: path, query and headers of every request.
    """

    host: str = ""
    images: dict[str, bytes] = field(default_factory=dict)
    kind: str = INDEX
    instead: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    says: str | None = "its digest"
    elsewhere: str = ""
    challenge: str = 'Bearer realm="http://{host}/token",service="images",scope="{scope}"'
    token: object = field(default_factory=lambda: {"token": "for anybody"})
    asked: list[tuple[str, dict[str, list[str]], Message]] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [path for path, *_ in self.asked]

    def answer(self, path: str, headers: Message) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body."""
        if path in self.instead:
            return *self.instead[path], b"a page"
        if path == "/token":
            return 200, {"Content-Type": "application/json"}, json.dumps(self.token).encode()
        repository, tag = path.removeprefix("/v2/").split("/manifests/")
        if self.challenge and headers["Authorization"] != "Bearer for anybody":
            scope = f"repository:{repository}:pull,metadata"
            return 401, {"WWW-Authenticate": self.challenge.format(host=self.host, scope=scope)}, b""
        if self.elsewhere:
            return 307, {"Location": f"http://{self.elsewhere}{path}"}, b""
        if INDEX not in headers["Accept"] or f"{repository}:{tag}" not in self.images:
            return 404, {}, b""
        body = self.images[f"{repository}:{tag}"]
        says = digest(body) if self.says == "its digest" else self.says
        return 200, {"Content-Type": self.kind} | ({"Docker-Content-Digest": says} if says else {}), body


@contextmanager
def serving(registry: Registry) -> Iterator[Registry]:
    """Serve a registry at its `host` while the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            registry.asked.append((url.path, parse_qs(url.query), self.headers))
            status, headers, body = registry.answer(url.path, self.headers)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        registry.host = f"127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        try:
            yield registry
        finally:
            server.shutdown()
