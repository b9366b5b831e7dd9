"""The variables of a scheduled night, in a private file: cron and systemd start it with next to none.

In: the variables that are set where `make schedule` is run. Out: a line NAME=value for each, as it is, without quotes;
only its owner can read it, for it holds passwords and keys. `nightly --environment` reads it back.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from recommender.errors import SettingsError

KEPT = re.compile(
    r"RAW_DIR|ONLINE_RETAIL_FILE|RECOMMENDER_DATA_DIR|STATE_URL|REDIS_\w+|EMBEDDED_REDIS\w*|WAREHOUSE_MEMORY"
    r"|NIGHTLY_\w+|COMET_\w+|KAGGLE_\w+|AWS_\w+|LOG_\w+|METAFLOW_\w+|STALE_AFTER_HOURS|XDG_CONFIG_HOME|PATH|TZ"
    r"|\w+_PROXY|\w+_proxy|SSL_CERT_\w+|\w+_CA_BUNDLE"
)
"""Names of the variables that a night goes by."""


def write_environment(path: Path, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Write the variables that a night goes by, private; returns their names, ascending.

    Raises:
        SettingsError: when a value has a line break.
    """
    kept = {name: value for name, value in sorted(environment.items()) if KEPT.fullmatch(name) and value}
    if broken := [name for name, value in kept.items() if "\n" in value or "\r" in value]:
        raise SettingsError(f"{broken[0]} has a line break, which {path} cannot hold; set it without")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}")
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
        file.writelines(f"{name}={value}\n" for name, value in kept.items())
    beside.replace(path)
    return [*kept]


def read_environment(path: Path) -> dict[str, str]:
    """Return the variables of a file; lines that are empty or begin with # are left out.

    Raises:
        SettingsError: when the file cannot be read, or a line has no name.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}); `make schedule` writes it") from error
    variables = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            name, equals, value = line.partition("=")
            if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name):
                raise SettingsError(f"{path}, line {number} is not NAME=value")
            variables[name] = value
    return variables
