"""The champion: the run whose lists shoppers see, with which tonight's run is compared; it must not know later days.

Stage: before the weeks are fitted. In: the registry and what Redis serves. Out: the decision of that run. After
`make rollback` or `make publish RUN=...` it is an earlier one: what was withdrawn must not judge its successor.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from recommender.errors import RunRefused
from recommender.features.time_split import ONE_DAY
from recommender.project_paths import registry_file
from recommender.release.publish_errors import RedisFailed
from recommender.release.published_versions import served_manifest
from recommender.release.redis_client import redis_client
from recommender.release.registry import Decision, read


class OlderThanServed(RunRefused):
    """What is served knows later days."""


class ServedByOthers(RunRefused):
    """What is served is not a branch's own."""


def champion(dataset: str, warn: Callable[[str], None] = print) -> Decision | None:
    """Return the newest decision to publish of the run that is served; None before the first.

    Args:
        dataset: whose champion it is.
        warn: called when that run is unknown and the newest one that published takes its place.
    """
    published = [each for each in read(registry_file(dataset)) if each.version is not None]
    if not published:
        return None
    try:
        with redis_client() as client:
            manifest = served_manifest(client, dataset)
        served = manifest and manifest.run_id
        why = f"the registry knows no run {served}" if served else "Redis serves no readable version"
    except RedisFailed as error:
        served, why = None, f"Redis cannot be asked what it serves ({error})"
    of_served = [each for each in published if each.run_id == served]
    if not of_served:
        warn(f"{why}: the newest run that published is the champion")
    return (of_served or published)[-1]


def check_own(dataset: str) -> None:
    """Check that a branch publishes over nobody's lists but its own: its registry must know the run that is served.

    Raises:
        ServedByOthers: when it does not.
        RedisFailed: when Redis cannot be asked.
    """
    with redis_client() as client:
        manifest = served_manifest(client, dataset)
    if manifest and manifest.run_id not in {each.run_id for each in read(registry_file(dataset))}:
        raise ServedByOthers(
            f"{dataset} is served by run {manifest.run_id}, which this branch does not know: give the branch a Redis "
            "of its own, by the REDIS_URL in its own secret"
        )


def check_not_older(cutoff: date, served: Decision | None, forced_reason: str = "") -> None:
    """Check that lists of a cutoff would not take the place of lists that know later days.

    Args:
        cutoff: first day that tonight's run may not see.
        served: the champion; None before the first.
        forced_reason: when not empty, the owner wants it so; the registry keeps the reason.

    Raises:
        OlderThanServed: when what is served saw the cutoff or a later day.
    """
    if served is None or forced_reason:
        return
    last_day = date.fromisoformat(served.windows["test"]["end"])
    if cutoff <= last_day:
        raise OlderThanServed(
            f"cutoff {cutoff} is before {last_day + ONE_DAY}, that of run {served.run_id}, which is served: bring the "
            'purchases since, or say why older lists are wanted: FORCE_REASON="..." to make, --force-reason to the flow'
        )
