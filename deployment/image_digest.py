"""Which image a tag means today: its digest, asked from the registry that has it.

In: an image as container files name it. Out: the digest of its index, which lists the image of every platform, so that
one digest is right on amd64 and on arm64.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
TIMEOUT_SECONDS = 20.0
NAME = re.compile(
    r"(?:(?P<registry>localhost|[\w-]*[.:][\w.:-]*)/)?(?P<repository>[a-z0-9._/-]+):(?P<tag>[\w.-]+)"
    r"(?:@sha256:[0-9a-f]{64})?",
    flags=re.ASCII,
)
CHALLENGE = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,"]+))')


class DigestUnknown(Exception):
    """The digest of an image cannot be told, for a reason that a person can act on."""


@dataclass(frozen=True)
class Image:
    """An image by its tag.

    Attributes:
        name: as it is written, such as `python:3.11-slim-bookworm`, without a digest.
        host: the server that is asked, with its port if it has one.
        repository: the image's name there, such as `library/python`.
    """

    name: str
    host: str
    repository: str
    tag: str


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    host: str
    status: int
    headers: Message
    body: bytes


def parse_image(name: str) -> Image:
    """Read an image's name as container engines do: without a registry it is Docker Hub's.

    >>> parse_image("redis:8.0-bookworm").repository
    'library/redis'

    Raises:
        DigestUnknown: it is no name with a tag.
    """
    if not (parts := NAME.fullmatch(name)):
        raise DigestUnknown(f"{name} is no image with a tag: write it like python:3.11-slim-bookworm")
    registry, repository, tag = parts["registry"], parts["repository"], parts["tag"]
    tagged = name.partition("@")[0]
    if registry not in (None, "docker.io"):
        return Image(tagged, registry, repository, tag)
    return Image(tagged, "registry-1.docker.io", repository if "/" in repository else f"library/{repository}", tag)


def look_up_digest(image: Image) -> str:
    """Return the digest of an image's index, `sha256:` and 64 hexadecimal digits.

    Raises:
        DigestUnknown: the registry cannot be reached, does not show the image, or shows something else than an index.
    """
    url = f"{_scheme(image.host)}://{image.host}/v2/{image.repository}/manifests/{image.tag}"
    answer = _ask(url, INDEXES)
    if answer.status == 401 and (challenge := _bearer_challenge(answer.headers)):
        answer = _ask(url, INDEXES, _token(image, challenge))
    _check(answer, image)
    return _digest(answer, image)


def _scheme(host: str) -> str:
    """Return http for this machine's own registries, as container engines do."""
    return "http" if host.partition(":")[0] in ("localhost", "127.0.0.1") else "https"


def _ask(url: str, accept: Sequence[str], token: str = "") -> Answer:
    request = Request(url, headers={"Accept": ", ".join(accept), "User-Agent": "pin-images"})
    host = urlsplit(url).netloc
    if token:  # which is for this server, not for one that it redirects to
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return Answer(host, response.status, response.headers, response.read())
    except HTTPError as error:
        with error:
            return Answer(host, error.code, error.headers, b"")
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise DigestUnknown(
            f"{host} cannot be reached ({reason}): run this where it can be, through HTTPS_PROXY if need be"
        ) from error


def _bearer_challenge(headers: Message) -> dict[str, str]:
    """Return where to get a token and for what; empty if the server asks for anything else."""
    for challenge in headers.get_all("WWW-Authenticate", []):
        if challenge.lower().startswith("bearer "):
            return {name: quoted or bare for name, quoted, bare in CHALLENGE.findall(challenge)}
    return {}


def _token(image: Image, challenge: dict[str, str]) -> str:
    """Fetch a token that anybody may have: https://distribution.github.io/distribution/spec/auth/token/."""
    realm = challenge.get("realm", "")
    if not realm.startswith(("https://", "http://")):
        raise DigestUnknown(f"{image.host} asks for a token from {realm!r}: only https:// and http:// can be asked")
    scope = {name: challenge[name] for name in ("service", "scope") if name in challenge}
    answer = _ask(f"{realm}?{urlencode(scope)}", ["application/json"])
    _check(answer, image)
    try:
        content = json.loads(answer.body)
        return content.get("token") or content["access_token"]
    except (ValueError, AttributeError, KeyError) as error:
        raise DigestUnknown(f"{answer.host} answers without a token for {image.name}: try again later") from error


def _check(answer: Answer, image: Image) -> None:
    host = answer.host
    match answer.status:
        case 200:
            return
        case 404:
            raise DigestUnknown(f"{host} has no image of all platforms named {image.name}: correct its name or tag")
        case 401 | 403:
            raise DigestUnknown(f"{host} shows no {image.name} without an account: correct its name, or take another")
        case 429:
            wait = answer.headers.get("Retry-After")
            when = f"in {wait} s" if wait and wait.isdecimal() else "later"
            raise DigestUnknown(f"{host} was asked too often (429): try again {when}")
        case status:
            raise DigestUnknown(f"{host} answers {status} for {image.name}: try again later")


def _digest(answer: Answer, image: Image) -> str:
    if (kind := answer.headers.get_content_type()) not in INDEXES:
        raise DigestUnknown(f"{image.host} has {image.name} as {kind}, which is no index of all platforms: take one")
    digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
    told = answer.headers.get("Docker-Content-Digest", digest)  # a registry may leave it out
    if told != digest:
        raise DigestUnknown(f"{image.host} says {image.name} is {told}, but sent {digest}: do not trust it; try again")
    return digest
