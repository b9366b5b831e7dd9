"""Why a lookup cannot answer with the list that was asked for."""

from enum import StrEnum

from serving.errors import ServingError


class FallbackReason(StrEnum):
    """Why an answer is not the customer's own list."""

    NO_HISTORY = "no_history"
    """The customer is known but has no purchases: the answer is the list of the segment, if any, or the overall one."""
    UNKNOWN_CUSTOMER = "unknown_customer"
    """The customer was not in the published run: the answer is the overall list."""
    UNKNOWN_SEGMENT = "unknown_segment"
    """The published run has no such segment: the answer is the overall list."""
    UNREADABLE_LIST = "unreadable_list"
    """The list is damaged or lost in Redis: the answer is the overall list, and the log has an error."""
    REDIS_AWAY = "redis_away"
    """Redis does not answer: the answer is the overall list that this process read last."""
    NOTHING_PUBLISHED = "nothing_published"
    """Redis has lost what was published: the answer is the overall list that this process read last."""
    VERSION_UNREADABLE = "version_unreadable"
    """The pointer names a version that is missing or damaged: the answer is the overall list read last."""


class RulesTrouble(StrEnum):
    """What is wrong with the rules while lists are served."""

    UNREADABLE = "rules_unreadable"
    """Some cannot be read: the articles that they name stay barred."""
    LOST = "rules_lost"
    """Redis has lost them and does not take them back: those that this process read last hold on."""


class StoreUnavailable(ServingError):
    """Lists cannot be looked up at the moment."""

    exit_code = 3
    fallback_reason: FallbackReason

    @property
    def for_callers(self) -> str:
        """What callers of the API may read."""
        return str(self)


class RedisAway(StoreUnavailable):
    """Redis does not answer."""

    exit_code = 4
    fallback_reason = FallbackReason.REDIS_AWAY

    @property
    def for_callers(self) -> str:
        """The message without Redis's address."""
        return "Redis cannot be used at the moment; the log of the API says where it is and why."


class NothingPublished(StoreUnavailable):
    """The dataset has no version."""

    fallback_reason = FallbackReason.NOTHING_PUBLISHED


class VersionUnreadable(StoreUnavailable):
    """The pointer names a version that is missing or damaged."""

    fallback_reason = FallbackReason.VERSION_UNREADABLE


class UnknownArticle(Exception):
    """The served version does not know the article."""
