"""The behavioural suite: does the recommender behave, beyond its average score?

Stage: after the test-week metrics, before the verdict. In: a `JudgedWeek`. Out: one `RecTestResult` per test method.

To add a test, write one method with `@rec_test` and a docstring in the family it belongs to, return a `Measurement`,
and give its threshold in the settings.
"""

from recommender.evaluation.behavior.accuracy_tests import AccuracyTests
from recommender.evaluation.behavior.common_sense_tests import CommonSenseTests
from recommender.evaluation.behavior.exposure_tests import ExposureTests
from recommender.evaluation.behavior.mistake_tests import MistakeTests
from recommender.evaluation.behavior.rule_tests import RuleTests
from recommender.evaluation.behavior.slice_tests import SliceTests
from recommender.evaluation.behavior.stability_tests import StabilityTests


class BehavioralTests(
    StabilityTests, CommonSenseTests, MistakeTests, ExposureTests, SliceTests, AccuracyTests, RuleTests
):
    """All families, the rules first; run them with `rec_test.run_tests`."""
