"""Where everything that a run writes lies: folders below data/, and the settings that keep packages inside them.

Stage: below all rooms. In: the environment (RECOMMENDER_DATA_DIR moves the whole data folder). Out: paths, which
are not made here, and environment variables for the packages that would otherwise write to the home folder or the
working directory, or report home.
"""

import os
from collections.abc import Callable
from pathlib import Path

PROJECT_ROOT = Path(__file__).absolute().parents[2]
DATA_DIR_VARIABLE = "RECOMMENDER_DATA_DIR"
DEFAULT_USER = "recommender"
PRIVATE = 0o077  # what a umask takes from others than the owner
USER_VARIABLES = ("METAFLOW_USER", "SUDO_USER", "USERNAME", "USER")  # where Metaflow looks, in its order

# Switched off even where a package asks nobody: usage reports, crash reports, patches of other packages.
TELEMETRY_OFF = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "COMET_INTERNAL_REPORTING": "false",
    "COMET_ERROR_TRACKING_ENABLE": "false",
    "COMET_DISABLE_ANNOUNCEMENT": "true",
    "COMET_DISABLE_AUTO_LOGGING": "1",
    "COMET_AUTO_LOG_CO2": "false",
}
# Comet waits up to three hours for a service that is gone; a run must not.
COMET_PATIENCE = {
    "COMET_LOGGING_CONSOLE": "CRITICAL",
    "COMET_TIMEOUT_HTTP": "5",
    "COMET_TIMEOUT_CLEANING": "60",
    "COMET_TIMEOUT_UPLOAD": "60",
    "COMET_HTTP_SESSION_RETRY_TOTAL": "1",
    "COMET_GET_OR_ADD_EXPERIMENT_RETRY_CONNECT": "1",
    "COMET_GET_OR_ADD_EXPERIMENT_RETRY_READ": "1",
    "COMET_GET_OR_ADD_EXPERIMENT_RETRY_TOTAL": "1",
}


class DataPath(type(Path())):
    """A path below the data folder that is right on every machine: pickled, it holds no folder of this one.

    What a step hands to the next may be read where the data folder is another; there the path lies below that one.
    """

    def __reduce__(self) -> tuple[Callable[..., Path], tuple[str, ...]]:
        if not self.is_relative_to(root := data_dir()):
            return super().__reduce__()
        return below_data_dir, (self.relative_to(root).as_posix(),)


def data_dir() -> DataPath:
    """Return the folder of all data: RECOMMENDER_DATA_DIR, or data/ of the project; absolute."""
    return DataPath(os.environ.get(DATA_DIR_VARIABLE) or PROJECT_ROOT / "data").expanduser().absolute()


def below_data_dir(place: str) -> DataPath:
    """Return the path of a place, such as runs/demo/17/marts, on this machine."""
    return data_dir() / place


def raw_dir(dataset: str) -> DataPath:
    """Return the folder of the dataset's three CSV files."""
    return data_dir() / "raw" / dataset


def warehouse_path(dataset: str) -> DataPath:
    """Return the dataset's DuckDB file."""
    return data_dir() / "warehouse" / f"{dataset}.duckdb"


def run_dir(dataset: str, run_id: str) -> DataPath:
    """Return the folder of one run's marts and models."""
    return data_dir() / "runs" / dataset / run_id


def reports_dir(dataset: str) -> DataPath:
    """Return the folder of the latest report.json and test_week_lists.parquet."""
    return data_dir() / "reports" / dataset


def registry_file(dataset: str) -> DataPath:
    """Return the dataset's registry of decisions, one JSON object a line; the only file that grows with every run."""
    return data_dir() / "registry" / f"{dataset}.jsonl"


def redis_dir() -> DataPath:
    """Return the folder of the embedded Redis."""
    return data_dir() / "redis"


def comet_dir() -> DataPath:
    """Return the folder of Comet's offline archives."""
    return data_dir() / "comet"


def logs_dir() -> DataPath:
    """Return the folder of the nightly logs and locks."""
    return data_dir() / "logs"


def metaflow_dir() -> DataPath:
    """Return the folder of Metaflow's configuration, runs, artifacts and cards."""
    return data_dir() / "metaflow"


def cache_dir() -> DataPath:
    """Return the folder of what packages cache for themselves; may be deleted at any time."""
    return data_dir() / "cache"


def keep_private() -> None:
    """Let only this user read what is written from now on, and what lies in folders of an earlier release.

    Nearly every file names customers or could be joined with one that does. Who wants others to read a file, such as a
    web server the page, changes its mode.
    """
    os.umask(PRIVATE)
    folders = raw_dir(""), warehouse_path("").parent, run_dir("", ""), reports_dir(""), registry_file("").parent
    for folder in (*folders, redis_dir(), comet_dir(), logs_dir(), metaflow_dir(), cache_dir()):
        if folder.is_dir() and os.access(folder, os.W_OK):
            folder.chmod(0o777 & ~PRIVATE)


def set_environment_defaults() -> None:
    """Point every package at folders below data/ and switch its telemetry off; what is already set stays.

    The flow calls this before it imports metaflow; the processes of its steps inherit the result.
    """
    defaults = _folder_defaults() | TELEMETRY_OFF | COMET_PATIENCE
    if not any(os.environ.get(name) not in (None, "", "root") for name in USER_VARIABLES):
        os.environ["METAFLOW_USER"] = DEFAULT_USER  # Metaflow refuses to run for nobody and for root
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def _folder_defaults() -> dict[str, str]:
    metaflow, cache = metaflow_dir(), cache_dir()
    folders = {
        "METAFLOW_HOME": metaflow,
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": metaflow,
        "METAFLOW_CARD_LOCALROOT": metaflow / "cards",
        "METAFLOW_CLIENT_CACHE_PATH": cache / "metaflow_client",
        "EMBEDDED_REDIS_DIR": redis_dir(),
        "COMET_OFFLINE_DIRECTORY": comet_dir(),
        "NUMBA_CACHE_DIR": cache / "numba",
        "CUDA_CACHE_PATH": cache / "cuda",
    }
    return {name: str(folder) for name, folder in folders.items()}
