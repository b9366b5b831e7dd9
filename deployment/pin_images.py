"""`make pin-images`: write the digests of the base images beside their tags, so that tomorrow's build has today's.

In: the container files and compose.yaml, and the registries that they name. Out: the same files, where
`python:3.11-slim-bookworm` has become `python:3.11-slim-bookworm@sha256:...`: all of them, or none.

    python -m deployment.pin_images

Exit codes: 0 every image is pinned, 1 nothing was changed.
"""

import argparse
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deployment.image_digest import DigestUnknown, look_up_digest, parse_image

FILES = ("Containerfile", "serving/Containerfile", "compose.yaml")
NAMED = re.compile(r"^([ \t]*(?:FROM|image:)[ \t]+)(\S+)", flags=re.MULTILINE)


def pin_images(folder: Path) -> list[str]:
    """Give every image of the files today's digest of its tag; return a line about each.

    Raises:
        DigestUnknown: an image has none that can be told; no file was changed.
        OSError: a file cannot be read or written; no file was changed.
    """
    texts = {folder / name: (folder / name).read_bytes().decode() for name in FILES}
    images = dict.fromkeys(parse_image(name) for text in texts.values() for _, name in NAMED.findall(text))
    digests = {image.name: look_up_digest(image) for image in images}
    _write({path: _pin(text, digests) for path, text in texts.items()})
    return [f"{name}@{digest}" for name, digest in digests.items()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Pin the images and print them; return the exit code."""
    options = _parse(arguments)
    try:
        print("\n".join(pin_images(options.folder)))
    except (DigestUnknown, OSError) as error:
        print(f"{error}; nothing was changed", file=sys.stderr)
        return 1
    return 0


def _pin(text: str, digests: Mapping[str, str]) -> str:
    def pinned(found: re.Match[str]) -> str:
        name = parse_image(found[2]).name
        return f"{found[1]}{name}@{digests[name]}"

    return NAMED.sub(pinned, text)


def _write(texts: Mapping[Path, str]) -> None:
    """Write every file beside its place before the first takes it: a disk that fills up leaves the old ones."""
    unfinished = {path: path.with_name(f"{path.name}.unfinished") for path in texts}
    try:
        for path, beside in unfinished.items():
            beside.write_bytes(texts[path].encode())
            shutil.copymode(path, beside)
        for path, beside in unfinished.items():
            beside.replace(path)
    finally:
        for beside in unfinished.values():
            beside.unlink(missing_ok=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m deployment.pin_images", description="Write the digests of the base images beside their tags."
    )
    here = Path(__file__).absolute().parents[1]
    parser.add_argument("--folder", type=Path, default=here, help=f"of {', '.join(FILES)}; default: %(default)s")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
