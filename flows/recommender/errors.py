"""What ends a run or a command for a reason that its owner can act on: the message says what was found and what to do.

RecommenderError
├── SettingsError       a setting is missing, unknown, or not what it may be
├── NotEnoughData       nothing is left to learn from or to recommend
├── ModelDiverged       a loss, a score or a vector is no finite number
├── RunRefused          nothing of the run may be published, which is known before anything is trained
│   ├── NotTonightsData     the raw files are surely not what should have come
│   ├── NothingSold         a week that a run cannot do without has no purchase
│   ├── OlderThanServed     what is served knows later days
│   └── ServedByOthers      what is served is not a branch's own
├── TimeSplitError      the weeks that a run needs do not fit the data
├── WarehouseError      the marts could not be built
├── MartMissing         a mart, a day of it or a customer's row on that day was never built
├── UnreadableInputs    another release kept a model's inputs in a way that this one does not know
├── UnreadableWeek      another release kept a ranking week in a way that this one does not know
├── PublishError        nothing new is served
│   ├── RedisFailed         Redis cannot be reached, failed meanwhile, or holds what cannot be read
│   ├── AnotherPublisher    a publisher of this dataset is at work
│   ├── Overtaken           someone else moved the pointer or took the lock
│   ├── NotEnoughMemory     the new version does not fit below Redis's maxmemory
│   ├── ReadBackDiffers     Redis returned something else than was written
│   ├── NoPreviousVersion   there is nothing to roll back to
│   └── NothingToServe      the dataset has no version
├── NotKept             a run has no lists on the disk
├── NothingPublished    there is no published run to explain
├── UnknownCustomer     the published run has no such customer
├── ReportMissing       there is no report that can be drawn
├── SchedulerFailed     neither systemd nor cron takes the schedule of the nights
├── DeploymentError     the settings or Metaflow do not let a deployment be written
├── StoreFailed         S3 cannot be reached, refuses, or lost what was kept there
│   ├── ObjectGone          an object is not there, though the manifest that was read names it
│   └── AttemptIsOver       a later attempt at the same step has kept its files already
└── AlreadyRunning      another run of the dataset is at work

Every class stands beside what raises it; those that several rooms raise stand here. Any other exception is a mistake in
this program, and keeps its traceback. Raw data and the API have trees of their own, `data.raw_errors.RawDataError` and
`serving.errors.ServingError`: raw data come before this package, and the API runs without it.
"""

from collections.abc import Sequence

from recommender.alarms import Alarm, Kind, Level

NOTHING_PUBLISHED = "Nothing was published; what was published before stays up"
NOTHING_STARTED = "Nothing was started, the settings cannot be used"
HEADLINES = (NOTHING_PUBLISHED, NOTHING_STARTED)
"""What a run that ends for one of these reasons says in the line before it."""


class RecommenderError(Exception):
    """A run or a command ends for a reason that its owner can act on."""


class SettingsError(RecommenderError, ValueError):
    """A setting is missing, unknown, or not what it may be."""


class NotEnoughData(RecommenderError, ValueError):
    """Nothing is left to learn from or to recommend."""


class RunRefused(RecommenderError, ValueError):
    """Nothing of the run may be published, which is known before anything is trained.

    Attributes:
        alarms: what somebody should be told; by default the message itself.
    """

    def __init__(self, message: str, alarms: Sequence[Alarm] = ()) -> None:
        super().__init__(message)
        self.alarms = alarms or [Alarm(Kind.REFUSED, Level.STOP, message)]


class ModelDiverged(RecommenderError):
    """A loss, a score or a vector is no finite number."""
