"""Changes of a file that several machines make, so that none is lost.

Stage: beside `state_files`. In: an edit of a file that is kept by itself, such as a registry. Out: the file with it,
here and below STATE_URL.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from recommender.object_store import ObjectStore, StoreFailed
from recommender.state_files import place_of, store_in_use

ATTEMPTS_TO_CHANGE = 20
MOST_SECONDS_BETWEEN = 1.0  # attempts; by chance less, so that machines do not meet again


def change(path: Path, edit: Callable[[Path], None]) -> None:
    """Let an edit of a file that every machine sees begin with its newest state, and let everybody see the result.

    Args:
        path: of a file that may not exist yet; it is kept by itself.
        edit: changes the file it is given, with STATE_URL a copy; done again when somebody else was faster.

    Raises:
        StoreFailed: when the file cannot be read or written; what is here is then as it was.
    """
    if (store := store_in_use()) is None:
        edit(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(ATTEMPTS_TO_CHANGE):
        with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder, suppress(FileExistsError):
            _change_copy(store, path, Path(folder) / path.name, edit)
            return
        time.sleep(random.uniform(0, min(MOST_SECONDS_BETWEEN, 0.1 * 2**attempt)))
    raise StoreFailed(f"{store.address(place_of(path))} was changed by others {ATTEMPTS_TO_CHANGE} times; try again.")


def _change_copy(store: ObjectStore, path: Path, copy: Path, edit: Callable[[Path], None]) -> None:
    """Edit a copy nobody else knows, and put it in the file's place when the store has it."""
    before = store.read(place_of(path))
    if before is not None:
        copy.write_bytes(before.content)
    elif path.exists():
        shutil.copyfile(path, copy)
    edit(copy)
    store.write(place_of(path), copy.read_bytes(), instead_of=before)
    copy.replace(path)
