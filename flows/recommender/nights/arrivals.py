"""Are these tonight's data? The files that a run was given, held against those of earlier nights, before it builds.

Stage: the first step of a run. In: the checked raw files, the champion, the settings. Out: warnings as alarms, or a
refusal that names everything that was found. The profile of files that were let in stays in the run's folder as
arrivals.json, where the run that is served is found again, and beside the dataset's report, where the next night finds
that of the last one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from data.arrivals.finding import Finding, Reference, Thresholds
from data.arrivals.findings import find
from data.arrivals.measuring import measure_files
from data.arrivals.profile import FilesProfile
from data.generated_datasets import GENERATED
from data.raw_folder import read_origin
from data.raw_schema import RawSummary
from recommender.alarms import Alarm, Kind, Level
from recommender.errors import RunRefused
from recommender.project_paths import reports_dir, run_dir
from recommender.release.registry import Decision
from recommender.state_files import here, keep

FILE = "arrivals.json"


class NotTonightsData(RunRefused):
    """The raw files are surely not what should have come."""


def check_arrivals(
    raw: RawSummary,
    dataset: str,
    run_id: str,
    served: Decision | None,
    settings: Mapping[str, Any],
    forced_reason: str = "",
    today: date | None = None,
    warn: Callable[[str], None] = print,
) -> list[Alarm]:
    """Compare tonight's files with those of earlier nights, and keep what the next night compares with.

    Files that this project generated did not arrive from anywhere: nothing is compared.

    Args:
        raw: what the check of the files found.
        dataset: whose files they are.
        run_id: tonight's run.
        served: the champion; None before the first.
        settings: [arrivals].
        forced_reason: when not empty, the owner wants the files as they are: what would stop the run warns.
        today: by the clock, unless given.
        warn: called with each warning, and when the profile of an earlier night cannot be read.

    Returns:
        The warnings.

    Raises:
        NotTonightsData: when a rule among the settings' stops found something; it carries all that was found.
        StoreFailed: when STATE_URL cannot be read or written.
    """
    if dataset in GENERATED and read_origin(raw.raw_dir) is not None:
        return []
    tonight = measure_files(raw.raw_dir, raw.rows_by_day, raw.columns)
    references = _references(dataset, served, warn)
    found = find(tonight, references, today or date.today(), Thresholds.of(settings), raw.in_two_files)
    alarms = [_alarm(each, each.rule in settings["stops"], forced_reason) for each in found]
    if any(each.level == Level.STOP for each in alarms):
        raise NotTonightsData(_refusal(alarms), alarms)
    for each in alarms:
        warn(f"warning: {each.text}")
    is_growing = bool(references) and tonight.last_day > references[-1].profile.last_day
    _keep_profile(tonight, is_growing, dataset, run_id)
    return alarms


def _alarm(finding: Finding, is_stop: bool, forced_reason: str) -> Alarm:
    if is_stop and forced_reason:
        return Alarm(Kind.DATA, Level.WARNING, f"{finding.text} (let in: {forced_reason})")
    return Alarm(Kind.DATA, Level.STOP if is_stop else Level.WARNING, finding.text)


def _refusal(alarms: Sequence[Alarm]) -> str:
    stops_first = sorted(alarms, key=lambda each: each.level != Level.STOP)
    found = [f"{'also, ' if each.level == Level.WARNING else ''}{each.text}" for each in stops_first]
    return (
        f"these are not tonight's data: {'. '.join(found)}. If the files are right all the same, say why: "
        'FORCE_REASON="..." to make, --force-reason to the flow'
    )


def _references(dataset: str, served: Decision | None, warn: Callable[[str], None]) -> list[Reference]:
    """Return the files of the run that is served and, where it is another, of the last one that was let in."""
    found = dict(_read(reports_dir(dataset) / FILE, "run {}, the last one,", warn))
    if served is not None:
        found = dict(_read(run_dir(dataset, served.run_id) / FILE, "run {}, which is served,", warn)) | {
            run_id: each for run_id, each in found.items() if run_id != served.run_id
        }
    return list(found.values())


def _read(path: Path, name: str, warn: Callable[[str], None]) -> Iterator[tuple[str, Reference]]:
    """Yield the run and its files; nothing for a run of a release that kept none."""
    if not here(path).exists():
        return
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        run_id, is_growing = values.pop("run_id"), values.pop("is_growing")
        yield run_id, Reference(name.format(run_id), FilesProfile.from_dict(values), is_growing)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        warn(f"{path} cannot be read ({error!r}); tonight's files are not compared with it")


def _keep_profile(profile: FilesProfile, is_growing: bool, dataset: str, run_id: str) -> None:
    text = json.dumps({"run_id": run_id, "is_growing": is_growing, **profile.as_dict()}, indent=1) + "\n"
    for path in (run_dir(dataset, run_id) / FILE, reports_dir(dataset) / FILE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        keep(path)
