"""What a person who started a command or the API can act on: the message says what was found and what to do.

ServingError                exit code 2: a wrong argument or variable
├── SettingsError           an environment variable has a value that cannot be used
├── MaskError               what stands for customers' ids in logs and reports is set wrongly
├── DatasetNameError        a dataset's name cannot be part of a Redis key
├── RuleError               a rule names no article, or no number
│   └── RuleConflict        2: a change is well formed and cannot be made
├── VariantError            a variant cannot be started or ended
├── CacheFormatError        3: a value read from Redis is damaged, or of another format
├── StoreUnavailable        3: no list can be looked up at the moment
│   ├── RedisAway           4: Redis does not answer
│   ├── NothingPublished    3: the dataset has no version
│   └── VersionUnreadable   3: the pointer names a version that is missing or damaged
├── RedisUnreachable        4: Redis cannot be reached
└── EmbeddedRedisError      4: the embedded Redis cannot be started, or does not answer

Every class stands beside what raises it. Any other exception is a mistake in this program, and keeps its traceback.
"""


class ServingError(Exception):
    """A command ends, or the API does not start, for a reason that a person can act on.

    Attributes:
        exit_code: of a command that ends with it.
    """

    exit_code = 2
