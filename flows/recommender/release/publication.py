"""The last decision of a night: tonight's lists pass the second gate and are published, or are not.

Stage: after the models were refitted. In: the models, the evaluated week with its test results. Out: `Publication`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import redis

from recommender.config import Candidate, Settings
from recommender.evaluation.behavioral_check import CheckResult, run_tests
from recommender.evaluation.evaluated_week import EvaluatedWeek
from recommender.evaluation.promotion import Verdict
from recommender.release.kept_lists import keep_lists
from recommender.release.publish import PublishedRun, PublishedVersion, publish
from recommender.release.published_lists import PublishedLists
from recommender.release.published_versions import served_manifest
from recommender.release.redis_client import redis_client
from recommender.release.republish import lists_folder
from recommender.release.tonights_lists import ListRequest, Recommender, lists_for_everybody
from recommender.state_files import keep
from recommender.weeks.weekly_models import FittedModels
from serving.cache.kept_rules import rescue_rules


@dataclass(frozen=True)
class Publication:
    """What became of tonight's lists.

    Attributes:
        tests: results of the second gate.
        verdict: over these and the behavioral tests.
        version: that is served from now on; None when the verdict is bad.
    """

    tests: Sequence[CheckResult]
    verdict: Verdict
    version: PublishedVersion | None


def publish_tonight(
    run: PublishedRun,
    day: date,
    candidate: Candidate,
    settings: Settings,
    week: EvaluatedWeek,
    behavioral_tests: Sequence[CheckResult],
    tonight: FittedModels,
    evaluated: FittedModels,
) -> Publication:
    """Make everybody's list, hold the lists against the second gate, keep and publish what passes.

    Args:
        run: whose lists they are.
        day: first day the lists are for.
        candidate: as what tonight's two-tower was fitted.
        settings: of the run.
        week: the test week, and who makes the lists.
        behavioral_tests: results of the first gate, those of the week's data among them.
        tonight: models fitted on all purchases.
        evaluated: the models that the first gate judged.

    Raises:
        PublishError: nothing was published, for the reason its subclass names.
        RedisUnreachable: there is no Redis to publish to.
    """
    request = ListRequest(
        day,
        candidate,
        stages=settings.stages,
        k=settings.lists.published_k,
        recommender=Recommender(week.contest.winner, settings.ranking.seed),
        purchases=settings.lists.purchases,
    )
    made = lists_for_everybody(request, tonight, evaluated)
    tests = run_tests(made.gate(settings.lists.k), settings.publication_gate)
    verdict = week.verdict([*behavioral_tests, *tests])
    if not verdict.is_passed:
        return Publication(tests, verdict, None)
    lists = made.published_lists()
    run = replace(run, generated_at=datetime.now(UTC).isoformat(timespec="seconds"))
    folder = lists_folder(run.dataset, run.run_id)
    keep_lists(lists, run, folder)
    keep(folder)
    with redis_client() as client:
        for line in rescue_rules(client, run.dataset):
            print(line)
        return Publication(tests, verdict, publish_once(client, lists, run))


def publish_once(client: redis.Redis, lists: PublishedLists, run: PublishedRun) -> PublishedVersion:
    """Publish a run's lists unless they are served already: the run was killed after they went up, and resumed.

    A second version of the same lists would take the place of the one that a rollback goes back to.

    Raises:
        PublishError: nothing was published, for the reason its subclass names.
    """
    served = served_manifest(client, run.dataset)
    if served is None or served.run_id != run.run_id:
        return publish(client, lists, run)
    print(f"run {run.run_id} is served already, as {served.version}")
    return PublishedVersion(served.version, served.customers, served.bytes / served.customers, seconds=0.0)
