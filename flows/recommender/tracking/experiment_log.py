"""An experiment of Comet's, to write to without ever failing.

Stage: below `comet`. In: plain parameters, epochs, metrics, texts and pictures. Out: an archive in data/comet
without COMET_API_KEY, an online experiment with it.

Whatever goes wrong is one warning line, and an online experiment that cannot be opened is kept as an archive. Comet
records what it is given here, and by itself nothing of the machine, the code or the output. comet_ml takes about two
seconds to import, so that happens where an experiment is opened.
"""

import io
import logging
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Real
from typing import TYPE_CHECKING, Any

from recommender.project_paths import comet_dir, set_environment_defaults
from recommender.tracking.comet_archives import UPLOAD_COMMAND

if TYPE_CHECKING:
    from recommender.models.trained_candidate import Epoch

DEFAULT_PROJECT = "recommendations-at-reasonable-scale"

# Comet would collect all of this by itself: source code, git, host name and address, packages, output.
NOTHING_BY_ITSELF = dict.fromkeys(
    (
        "log_code",
        "log_graph",
        "log_git_metadata",
        "log_git_patch",
        "log_env_details",
        "auto_param_logging",
        "auto_metric_logging",
        "auto_output_logging",
        "parse_args",
    ),
    False,
) | {"display_summary_level": 0}

EPOCH_METRICS = {
    "loss": "loss",
    "validation_map": "validation_map@{k}",
    "rows_per_second": "rows_per_second",
    "cpu_cores": "system.cpu_cores",
    "peak_memory_mib": "system.peak_memory_mib",
    "peak_gpu_memory_mib": "system.peak_gpu_memory_mib",
}
"""Field of an epoch to the name of its curve, k being how many articles count; a field that is unknown makes none."""

logger = logging.getLogger(__name__)


@contextmanager
def open_experiment(key: str, name: str) -> Iterator["ExperimentLog"]:
    """Open a new experiment under Comet's key; close it when the block ends.

    An exception of the block passes through and leaves the tag `failed`.
    """
    log = ExperimentLog(name, lambda: _create(key, name))
    try:
        yield log
    except BaseException:
        log.add_tags("failed")
        raise
    finally:
        log.close()


def add_tags_later(key: str, name: str, *tags: str) -> None:
    """Tag an experiment that was closed; beside an archive a second, small one carries the tags."""
    log = ExperimentLog(name, lambda: _reopen(key))
    log.add_tags(*tags)
    log.close()


class ExperimentLog:
    """An open experiment that cannot fail: it warns of its first error, and goes on or ignores the rest."""

    def __init__(self, name: str, create: Callable[[], Any]) -> None:
        self.name = name
        self._experiment: Any = None
        self._is_online = False
        self._first_complaint = _FirstComplaint()
        try:
            self._experiment = create()
            self._is_online = not isinstance(self._experiment, _import_comet().OfflineExperiment)
        except Exception as error:  # whatever Comet raises, the run goes on
            _warn(f"{name} could not be opened and is not tracked", error)
        self._attempt(lambda experiment: experiment.set_name(name))

    def log_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Record settings; nested mappings become `outer.inner`."""
        self._attempt(lambda experiment: experiment.log_parameters(_flattened(parameters)))

    def log_epoch(self, epoch: "Epoch", k: int) -> None:
        """Record one point of the learning curve, scored by the first k articles of a list."""
        values = _finite({metric.format(k=k): getattr(epoch, field) for field, metric in EPOCH_METRICS.items()})
        self._attempt(lambda experiment: experiment.log_metrics(values, step=epoch.epoch, epoch=epoch.epoch))

    def log_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Record numbers; nested mappings become `outer.inner`, what is not a finite number is left out."""
        self._attempt(lambda experiment: experiment.log_metrics(_finite(_flattened(metrics))))

    def log_notes(self, notes: Mapping[str, Any]) -> None:
        """Record facts that are neither settings nor metrics; nested mappings become `outer.inner`."""
        self._attempt(lambda experiment: experiment.log_others(_flattened(notes)))

    def log_file(self, name: str, text: str) -> None:
        """Keep a text as a file; one that cannot be kept costs no more than itself."""
        self._keep(lambda experiment: experiment.log_asset_data(text, name=name))

    def log_image(self, name: str, svg: str) -> None:
        """Keep an SVG picture; one that cannot be kept costs no more than itself."""
        self._keep(lambda experiment: experiment.log_image(io.BytesIO(svg.encode()), name=name, image_format="svg"))

    def add_tags(self, *tags: str) -> None:
        """Add tags to search by."""
        self._attempt(lambda experiment: experiment.add_tags(list(tags)))

    def close(self) -> None:
        """Write the archive, or wait until Comet has everything."""
        self._attempt(lambda experiment: experiment.end())
        if self._first_complaint.message:
            _warn(f"the record of {self.name} {self._what_is_left()}", self._first_complaint.message)

    def _what_is_left(self) -> str:
        """Say what became of a record that Comet complained of: it keeps an archive of what it could not send."""
        if self._is_online and any(comet_dir().glob(f"{self._experiment.id}*.zip")):
            return f"did not arrive as a whole and is kept in {comet_dir()}, to be sent with `{UPLOAD_COMMAND}`"
        return "may have gaps"

    def _keep(self, action: Callable[[Any], Any]) -> None:
        """Do what the experiment can do without; `close` reports the first error."""

        def act(experiment: Any) -> None:
            try:
                action(experiment)
            except Exception as error:  # whatever Comet raises, the experiment goes on
                self._first_complaint.message = self._first_complaint.message or str(error)

        self._attempt(act)

    def _attempt(self, action: Callable[[Any], Any]) -> None:
        if self._experiment is None:
            return
        try:
            with self._first_complaint.watching():
                action(self._experiment)
        except Exception as error:  # whatever Comet raises, the run goes on
            self._experiment = None
            _warn(f"{self.name} is no longer tracked", error)


def _create(key: str, name: str) -> Any:
    """Open an experiment online when there is a key to Comet and it answers, else as an archive."""
    comet_ml = _import_comet()
    settings = _settings() | {
        "project_name": os.environ.get("COMET_PROJECT_NAME") or DEFAULT_PROJECT,
        "experiment_key": key,
    }
    if os.environ.get("COMET_API_KEY"):
        try:
            return _alive(lambda: comet_ml.Experiment(**settings))
        except Exception as error:  # whatever Comet raises, the archive still works
            _warn(f"{name} is kept in {comet_dir()}, to be sent with `{UPLOAD_COMMAND}`", error)
    return _alive(lambda: comet_ml.OfflineExperiment(**settings))


def _reopen(key: str) -> Any:
    comet_ml = _import_comet()
    is_archive = any(comet_dir().glob(f"{key}*.zip"))
    kind = comet_ml.ExistingOfflineExperiment if is_archive else comet_ml.ExistingExperiment
    return _alive(lambda: kind(previous_experiment=key, **_settings()))


def _settings() -> dict[str, Any]:
    comet_dir().mkdir(parents=True, exist_ok=True)
    return NOTHING_BY_ITSELF | {"offline_directory": str(comet_dir())}


def _import_comet() -> Any:
    """Import comet_ml with its telemetry off and its console output replaced by our one line."""
    set_environment_defaults()
    import comet_ml

    logging.getLogger("comet_ml").setLevel(logging.WARNING)  # its console drops them, we do not
    return comet_ml


class _FirstComplaint(logging.Handler):
    """Keeps the first warning or error that Comet logs while watched: it swallows most of its errors."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.message = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.message = self.message or record.getMessage().splitlines()[0] + _reason(record)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs."""
        comet_logger = logging.getLogger("comet_ml")
        comet_logger.addHandler(self)
        try:
            yield
        finally:
            comet_logger.removeHandler(self)


def _reason(record: logging.LogRecord) -> str:
    """Return the error that a record came with, as it goes on behind the record's text."""
    return f": {record.exc_info[1]}" if record.exc_info and record.exc_info[1] else ""


def _alive(create: Callable[[], Any]) -> Any:
    """Return the experiment; one that Comet could not open comes back dead, here that is an error."""
    first_complaint = _FirstComplaint()
    with first_complaint.watching():
        experiment = create()
    if not experiment.alive:
        raise ConnectionError(first_complaint.message or "Comet gave no reason")
    return experiment


def _warn(what: str, error: Exception | str) -> None:
    reason = " ".join(str(error).split()) or type(error).__name__
    logger.warning("Comet: %s (%s)", what, reason)


def _flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flattened(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _finite(values: Mapping[str, Any]) -> dict[str, float]:
    """Keep finite numbers: Comet has no place for a metric that is missing."""
    return {name: value for name, value in values.items() if isinstance(value, Real) and math.isfinite(value)}
