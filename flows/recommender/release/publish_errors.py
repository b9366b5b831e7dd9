"""Why nothing new is served. After any of these errors the version that was served before still is."""


class PublishError(RuntimeError):
    """Nothing new is served; the version that was served before still is.

    PublishError
    ├── AnotherPublisher      a publisher of this dataset is at work
    ├── Overtaken             while this version was loaded, someone else moved the pointer or took the lock
    ├── NotEnoughMemory       the new version does not fit below Redis's maxmemory
    ├── ReadBackDiffers       Redis returned something else than was written
    └── NoPreviousVersion     there is nothing to roll back to
    """


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
