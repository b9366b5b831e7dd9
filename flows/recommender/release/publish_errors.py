"""Why nothing new is served. After any of these errors the version that was served before still is."""

from recommender.errors import RecommenderError


class PublishError(RecommenderError):
    """Nothing new is served; the version that was served before still is."""


class RedisFailed(PublishError):
    """Redis cannot be reached, failed meanwhile, or holds what cannot be read."""


class AnotherPublisher(PublishError):
    """A publisher of this dataset is at work."""


class Overtaken(PublishError):
    """While this version was loaded, someone else moved the pointer or took the lock."""


class NotEnoughMemory(PublishError):
    """The new version does not fit below Redis's maxmemory."""


class ReadBackDiffers(PublishError):
    """Redis returned something else than was written."""


class NoPreviousVersion(PublishError):
    """There is nothing to roll back to."""


class NothingToServe(PublishError):
    """The dataset has no version."""
