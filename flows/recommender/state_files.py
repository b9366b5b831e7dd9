"""What a run leaves, where every machine sees it: folders and files below STATE_URL, by default the data folder alone.

Stage: below all rooms. In: what a step wrote below the data folder. Out: the same, below the data folder of whichever
machine asks. Without STATE_URL every function here is about one disk: nothing is copied.

    own(folder)     before a step writes it
    keep(folder)    after a step wrote it: what is new goes up
    here(path)      before it is read: what is not on this machine comes down
    names(folder)   what there is to be read
    remove(folder)  here and there

Below STATE_URL a folder is a manifest of its files and an object for each, named by its content:

    runs/demo/17/marts/manifest.json             {"purchases.parquet": {"bytes": ..., "sha256": ...}, ...}
    runs/demo/17/marts/purchases.parquet/1f3a...

The manifest comes last and is replaced as a whole, and no object is ever overwritten. So a step that is killed leaves
nothing that looks whole, and what is there already does not go up again. A file that is kept by itself, such as the
report, is one object, which a newer one replaces.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from recommender.object_store import ObjectStore, StoreFailed, file_checksum, object_store
from recommender.project_paths import data_dir
from recommender.state_manifests import MANIFEST, KeptFile, Manifest, put_manifest, read_manifest

STATE_VARIABLE = "STATE_URL"
OWN_FOLDER = "recommender"  # beside what Metaflow keeps
AT_A_TIME = 8  # files that go up or come down; each is a connection
DIGITS_IN_KEY = 16


class ObjectGone(StoreFailed):
    """An object is not there, though the manifest that was read names it."""


_manifests: dict[tuple[ObjectStore, str], Manifest] = {}
_checked: set[tuple[Path, str]] = set()  # files whose content this process knows
_own: dict[str, str] = {}  # places of folders that this process is writing, each with the store's time as it began


def default_state_url(datastore: str, s3_root: str | None) -> dict[str, str]:
    """Return the STATE_URL of a flow that keeps its artifacts in S3 and was told no other; nothing on one disk.

    Args:
        datastore: as Metaflow names it, such as local or s3.
        s3_root: METAFLOW_DATASTORE_SYSROOT_S3.

    Raises:
        StoreFailed: when the artifacts are kept where files cannot be.
    """
    if datastore == "local" or os.environ.get(STATE_VARIABLE, "").strip():
        return {}
    if datastore != "s3" or not s3_root:
        raise StoreFailed(f"With --datastore={datastore}, set STATE_URL=s3://bucket/prefix: files need S3, too.")
    return {STATE_VARIABLE: f"{s3_root.rstrip('/')}/{OWN_FOLDER}"}


def own(folder: Path) -> Path:
    """Return a folder that this process is about to write: until it is kept, what an earlier attempt kept is no part.

    Otherwise a step that is done again, maybe by newer code, would read back what it had written before.

    Raises:
        StoreFailed: when the store cannot be asked for its time.
    """
    if (store := store_in_use()) is not None:
        _own[place_of(folder)] = store.clock()
    return folder


def keep(path: Path) -> Path:
    """Return a path after every machine can see it as it is now: a folder, or a single file.

    Raises:
        AttemptIsOver: when it is kept already by an attempt that began later.
        StoreFailed: when something cannot be written; the folder is then what it was.
    """
    if (store := store_in_use()) is not None:
        _keep_folder(store, path) if path.is_dir() else store.upload(path, place_of(path), file_checksum(path))
    return path


def here(path: Path) -> Path:
    """Return a path after what it names is on this machine: a kept folder, a part of one, or a kept file.

    What was never kept stays missing, and who reads it says so.

    Raises:
        StoreFailed: when it is kept but cannot be read, or is not what was kept.
    """
    if (store := store_in_use()) is None or not path.is_relative_to(data_dir()):
        return path
    place = place_of(path)
    if _is_own(place):
        return path
    folder = _folder_of(store, place)
    if folder is None or (folder != place and not _names(_manifests[store, folder], folder, place)):
        _bring_file(store, path)
        return path
    try:
        _bring_below(store, folder, place)
    except ObjectGone:
        before = _manifests[store, folder]
        if _read_manifest(store, folder) in (None, before):
            raise
        _bring_below(store, folder, place)  # somebody kept the folder again since its manifest was read
    return path


def names(folder: Path) -> list[str]:
    """Return the names of what lies in a folder, ascending: where it is kept, or else on this machine."""
    if (store := store_in_use()) is not None and folder.is_relative_to(data_dir()):
        place = place_of(folder)
        if not _is_own(place) and (kept := _folder_of(store, place)) is not None:
            files = [f"{kept}/{name}" for name in _manifests[store, kept]]
            return sorted({file.removeprefix(f"{place}/").split("/")[0] for file in files if _is_below(file, place)})
    return sorted(each.name for each in folder.glob("[!.]*"))


def remove(folder: Path) -> None:
    """Remove a folder and everything below it, wherever it is kept."""
    if folder.exists():
        shutil.rmtree(folder)
    if (store := store_in_use()) is not None:
        below = f"{place_of(folder)}/"
        store.remove(sorted(store.keys(below), key=lambda key: not key.endswith(MANIFEST)))  # first what says they are
        for known in [known for known in _manifests if f"{known[1]}/".startswith(below)]:
            del _manifests[known]


def folders(parent: Path, pattern: str, is_whole: bool = True) -> dict[Path, float]:
    """Return the folders that a pattern names, each with the seconds since 1970 at which it was written.

    What was fetched from another machine and is kept no more has 0: parts of it may be missing.

    Args:
        parent: where to begin, below the data folder.
        pattern: as in `Path.glob`, such as "*/marts".
        is_whole: leave out what a killed step sent without a manifest.
    """
    found = {each: each.stat().st_mtime for each in parent.glob(pattern) if each.is_dir()}
    if (store := store_in_use()) is not None:
        kept, depth = {}, place_of(parent).count("/") + pattern.count("/") + 2
        for key, written in store.keys(f"{place_of(parent)}/").items():
            folder = data_dir().joinpath(*key.split("/")[:depth])
            if folder.match(pattern) and (not is_whole or key == place_of(folder) + MANIFEST):
                kept[folder] = max(written.timestamp(), kept.get(folder, 0))
        found |= kept
    return found


def _keep_folder(store: ObjectStore, folder: Path) -> None:
    place = place_of(folder)
    files = {each.relative_to(folder).as_posix(): each for each in sorted(folder.rglob("[!.]*")) if each.is_file()}
    manifest = dict(zip(files, _each(_described, files.values()), strict=True))
    keys = {_key(place, name, file): (files[name], file.sha256) for name, file in manifest.items()}
    _send(store, place, keys)
    before = put_manifest(store, place, manifest, _own.get(place))
    _manifests[store, place] = manifest
    _own.pop(place, None)
    _send(store, place, keys)  # who kept the folder meanwhile may have removed what was there before
    store.remove([key for each in before.items() if (key := _key(place, *each)) not in keys])


def _send(store: ObjectStore, place: str, keys: Mapping[str, tuple[Path, str]]) -> None:
    """Send the files, each with its checksum, that are not there under their keys."""
    new = keys.keys() - store.keys(f"{place}/").keys()
    _each(lambda key: store.upload(keys[key][0], key, keys[key][1]), sorted(new))


def store_in_use() -> ObjectStore | None:
    """Return the store that STATE_URL names; None where one disk is all there is.

    Raises:
        StoreFailed: when the text is no address.
    """
    url = os.environ.get(STATE_VARIABLE, "").strip()
    return object_store(url) if url else None


def place_of(path: Path) -> str:
    """Return where below the data folder, and below STATE_URL, a path lies."""
    return path.relative_to(data_dir()).as_posix()


def _key(place: str, name: str, file: KeptFile) -> str:
    return f"{place}/{name}/{file.sha256[:DIGITS_IN_KEY]}"


def _each(work: Callable[[str], object], names: Iterable) -> list:
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        return list(threads.map(work, names))


def _described(path: Path) -> KeptFile:
    return KeptFile(path.stat().st_size, file_checksum(path))


def _folder_of(store: ObjectStore, place: str) -> str | None:
    """Return the place of the kept folder that is a place or holds it, its manifest read; None when there is none."""
    parts = place.split("/")
    above = ["/".join(parts[:end]) for end in range(len(parts), 1, -1)]
    known = next((each for each in above if _names(_manifests.get((store, each), {}), each, place)), None)
    return known or next((each for each in above if _read_manifest(store, each) is not None), None)


def _names(manifest: Manifest, folder: str, place: str) -> bool:
    """Whether a folder's manifest names a file at a place or below it."""
    return any(_is_below(f"{folder}/{name}", place) for name in manifest)


def _is_own(place: str) -> bool:
    return any(_is_below(place, each) for each in _own)


def _is_below(file: str, place: str) -> bool:
    return f"{file}/".startswith(f"{place}/")


def _read_manifest(store: ObjectStore, place: str) -> Manifest | None:
    if (found := read_manifest(store, place)) is not None:
        _manifests[store, place] = found
    return found


def _bring_below(store: ObjectStore, folder: str, place: str) -> None:
    wanted = [name for name in _manifests[store, folder] if _is_below(f"{folder}/{name}", place)]
    _each(partial(_bring, store, folder), wanted)


def _bring(store: ObjectStore, folder: str, name: str) -> None:
    """Bring a file of a folder, unless it is here."""
    path, file = data_dir() / folder / name, _manifests[store, folder][name]
    if (path, file.sha256) in _checked and path.is_file():
        return
    if not (path.is_file() and _described(path) == file):
        key = _key(folder, name, file)
        if not _downloaded(store, key, path):
            raise ObjectGone(f"{store.address(key)} is gone, though its manifest names it; begin a new run.")
        if _described(path) != file:
            path.unlink()
            raise StoreFailed(f"{store.address(key)} is not what was kept: its checksum is another; begin a new run.")
        os.utime(data_dir() / folder, (0, 0))  # as `folders` tells it
    _checked.add((path, file.sha256))


def _bring_file(store: ObjectStore, path: Path) -> None:
    """Bring a file that is kept by itself, unless it is here as it is there."""
    there = store.checksum_of(place_of(path))
    if there is not None and not (path.is_file() and file_checksum(path) == there):
        _downloaded(store, place_of(path), path)
        if there and file_checksum(path) not in (there, store.checksum_of(place_of(path))):
            path.unlink()
            raise StoreFailed(f"{store.address(place_of(path))} is not what was kept: its checksum is another.")


def _downloaded(store: ObjectStore, key: str, path: Path) -> bool:
    """Bring an object beside its place and then into it; returns whether there was one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.coming")
    try:
        if is_there := store.download(key, beside):
            beside.replace(path)
        return is_there
    finally:
        beside.unlink(missing_ok=True)
