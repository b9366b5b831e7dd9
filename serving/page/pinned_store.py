"""A store that looks at one published version, whatever is served: so a page is wholly of one, and of an earlier one
where that is wanted.

Stage: below the page. In: Redis and the name of a version. Out: the answers of `RecommendationStore`.
"""

import redis.asyncio

from serving.recommendation_store import RecommendationStore


class PinnedStore(RecommendationStore):
    """Lookups in one version; `refresh` has to be called once, for its articles' facts.

    Args:
        client: replies must be bytes.
        dataset: namespace of the keys.
        version: a published version.
    """

    def __init__(self, client: redis.asyncio.Redis, dataset: str, version: str) -> None:
        super().__init__(client, dataset, version)
        self.version = version
