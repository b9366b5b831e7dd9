"""The behavioral suite: does the recommender behave, beyond its average score?

Stage: after the test-week metrics, before the verdict. In: a `JudgedWeek`. Out: one `CheckResult` per test method.

To add a test, write one method with `@behavioral_check` and a docstring in the family it belongs to, return a
`Measurement`, and give its threshold in the settings.

The settings are checked against the names of the tests whenever the flow is asked for anything, so what takes long to
import is imported inside the tests: pandas, SciPy, pyarrow.
"""

from recommender.evaluation.behavior.accuracy_checks import AccuracyChecks
from recommender.evaluation.behavior.common_sense_checks import CommonSenseChecks
from recommender.evaluation.behavior.exposure_checks import ExposureChecks
from recommender.evaluation.behavior.leak_checks import LeakChecks
from recommender.evaluation.behavior.mistake_checks import MistakeChecks
from recommender.evaluation.behavior.rule_checks import RuleChecks
from recommender.evaluation.behavior.slice_checks import SliceChecks
from recommender.evaluation.behavior.stability_checks import StabilityChecks


class BehavioralSuite(
    StabilityChecks,
    CommonSenseChecks,
    MistakeChecks,
    ExposureChecks,
    SliceChecks,
    LeakChecks,
    AccuracyChecks,
    RuleChecks,
):
    """All families, the rules first; run them with `behavioral_check.run_tests`."""
