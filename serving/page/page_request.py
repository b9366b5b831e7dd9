"""What every page begins with: which version is shown, and which ones can be chosen.

In: a request. Out: `PageRequest`. The parameter `version` names the version; without it a page shows the served one, or
for a customer in a variant the one of the variant.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.routing import get_route_path

from serving.cache.variants import Variant, variant_of
from serving.lookup.answers import ShownTo, age_seconds, format_age, late_seconds
from serving.lookup.recommendation_store import RecommendationStore
from serving.lookup.store_errors import RedisAway
from serving.page.article_search import Found
from serving.page.rendering import render
from serving.page.viewable_versions import ViewableVersions
from serving.page.views import Cards


@dataclass(frozen=True)
class PageRequest:
    """A request for a page of one version.

    Attributes:
        request: as FastAPI has it.
        store: reads the version.
        versions: all that can be shown, the served one first; empty while Redis is away.
        variant: the customer's variant, if this is its version and the request names no version.
        is_redis_away: lists of customers cannot be read; the version is the one that was shown last.
    """

    request: Request
    store: RecommendationStore
    versions: list[str]
    variant: Variant | None = None
    is_redis_away: bool = False

    @classmethod
    async def of(cls, request: Request, customer_id: str = "") -> "PageRequest":
        """Open the version that a request is about; for a customer, the one that the customer is served.

        Raises:
            NoSuchVersion: the version that the request names is not published.
            StoreUnavailable: Redis is away and no version was shown yet, or no readable version is published.
        """
        viewable: ViewableVersions = request.app.state.viewable_versions
        served: RecommendationStore = request.app.state.store
        named = request.query_params.get("version")
        variant = variant_of(served.variants, customer_id) if customer_id and not named else None
        try:
            versions = list(dict.fromkeys([*await viewable.published(), *(each.version for each in served.variants)]))
            store = await viewable.open(named or (variant.version if variant else versions[0]), versions)
        except RedisAway:
            if viewable.last_served is None:
                raise
            return cls(request, viewable.last_served, [], is_redis_away=True)
        store.catalogue.rules = served.catalogue.rules  # the rules of now hold for every version
        return cls(request, store, versions, variant)

    def without_redis(self) -> "PageRequest":
        """The same request after Redis went away."""
        return replace(self, is_redis_away=True)

    @property
    def cards(self) -> Cards:
        """Makes cards of the version's articles."""
        return Cards(self.store.catalogue.facts, self.request.app.state.pictures)

    @property
    def preview(self) -> str | None:
        """The version, if it is not the served one; links carry it on."""
        return self.store.pinned_version if self.versions and self.store.pinned_version != self.versions[0] else None

    @property
    def root(self) -> str:
        """`ROOT_PATH`, under which a proxy publishes the pages."""
        return self.request.app.state.settings.root_path

    def choices(self) -> list[tuple[str, str]]:
        """The versions that can be shown, each with what to say about it."""
        variants = {
            each.version: f", variant {each.name} ({each.share:.0%})" for each in self.request.app.state.store.variants
        }
        return [(each, variants.get(each, "") if place else ", served") for place, each in enumerate(self.versions)]

    async def find(self, text: str, limit: int) -> Found:
        """Return articles of the version by words, see `ArticleSearch.find`."""
        search = await self.request.app.state.viewable_versions.search(self.store)
        return await run_in_threadpool(search.find, text, limit)

    async def shown_to(self, article_ids: Sequence[str]) -> list[ShownTo]:
        """Return who is recommended each article; their keys are read in one round trip."""
        return await asyncio.gather(*map(self.store.article_lists.shown_to, article_ids))

    def parameter(self, name: str) -> str:
        """A parameter of the address, empty if it is missing."""
        return self.request.query_params.get(name, "")

    def render(self, template: str, **values: object) -> Response:
        """Render a page; the request's parameters stay when another version is chosen."""
        manifest = self.store.known_head.manifest
        age = age_seconds(manifest.created_at)
        shared = {
            "manifest": manifest,
            "age": format_age(age),
            "is_stale": age > self.request.app.state.stale_after_seconds,
            "late": format_age(late) if (late := late_seconds(manifest.due_at)) else None,
            "choices": self.choices(),
            "variant": self.variant,
            "preview": self.preview,
            "is_redis_away": self.is_redis_away,
            "here": self.root + get_route_path(self.request.scope),
            "hidden": {name: value for name, value in self.request.query_params.items() if name != "version"},
        }
        return render(self.request, template, **shared, **values)
