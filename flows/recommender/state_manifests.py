"""The manifest of a folder that every machine sees: which files it has, and which attempt at its step wrote them.

Stage: between `object_store` and `state_files`. In: what a step wrote. Out: `<folder>/manifest.json` in the store. It
is replaced as a whole, and never by an attempt that began before the one whose files it names: a task that was given up
for dead may still end after the one that was begun in its place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from recommender.object_store import ObjectStore, StoredObject, StoreFailed

MANIFEST = "/manifest.json"
BEGAN = "began"  # noted with the manifest: by the store's clock, since machines' clocks differ
ATTEMPTS_TO_REPLACE = 20


class AttemptIsOver(StoreFailed):
    """A later attempt at the same step has kept its files already."""


class KeptFile(NamedTuple):
    """One file of a folder: its size and its SHA-256 in hexadecimal digits."""

    bytes: int
    sha256: str


Manifest = Mapping[str, KeptFile]
"""Name below the folder, such as customer_features/2020-09-16.parquet, to what it holds."""


def read_manifest(store: ObjectStore, place: str) -> Manifest | None:
    """Return the manifest of a folder; None when none is kept.

    Raises:
        StoreFailed: when it cannot be read.
    """
    found = store.read(place + MANIFEST)
    return None if found is None else _parsed(found, store.address(place + MANIFEST))


def put_manifest(store: ObjectStore, place: str, manifest: Mapping[str, KeptFile], began: str | None) -> Manifest:
    """Put a folder's manifest in the place of the one before, which is returned; empty before the first.

    Args:
        store: where to.
        place: of the folder.
        manifest: its files.
        began: `ObjectStore.clock` at the begin of the attempt that wrote them; None for files of no attempt.

    Raises:
        AttemptIsOver: when the one before is of a later attempt.
        StoreFailed: when it cannot be written.
    """
    content = json.dumps({name: each._asdict() for name, each in manifest.items()}).encode()
    for _ in range(ATTEMPTS_TO_REPLACE):
        before = store.read(place + MANIFEST)
        if began and before and (other := before.noted.get(BEGAN, "")) > began:
            raise AttemptIsOver(
                f"{store.address(place)} is kept by an attempt that began at {other}, after this one ({began}); "
                "this attempt is over, that one goes on."
            )
        with suppress(FileExistsError):
            store.write(place + MANIFEST, content, before, {BEGAN: began} if began else {})
            return _parsed(before, store.address(place + MANIFEST)) if before else {}
    raise StoreFailed(f"{store.address(place)} was kept by others {ATTEMPTS_TO_REPLACE} times; try again.")


def _parsed(found: StoredObject, address: str) -> Manifest:
    try:
        return {name: KeptFile(**each) for name, each in json.loads(found.content).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreFailed(f"{address} is no manifest ({error}); begin a new run.") from error
