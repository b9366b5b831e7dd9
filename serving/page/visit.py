"""What every page begins with: which version is looked at, and what can be chosen.

In: a request. Out: `Visit`. A version is named by the parameter `version`; without it the served one is looked at, or
for a customer in a variant that of the variant.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from serving.cache.variants import Variant, variant_of
from serving.lookup.answers import ShownTo, age_seconds, format_age
from serving.lookup.recommendation_store import RecommendationStore
from serving.lookup.store_errors import RedisAway
from serving.page.article_search import Found
from serving.page.rendering import render
from serving.page.shop_window import ShopWindow
from serving.page.views import Cards


@dataclass(frozen=True)
class Visit:
    """A look at one version.

    Attributes:
        request: of the visitor.
        store: the version's.
        versions: all that can be looked at, the served one first; empty while Redis is away.
        variant: whose version this is, where the customer is in one and no version was asked for.
        is_redis_away: lists of customers cannot be read; the version is the one that was seen last.
    """

    request: Request
    store: RecommendationStore
    versions: list[str]
    variant: Variant | None = None
    is_redis_away: bool = False

    @classmethod
    async def of(cls, request: Request, customer_id: str = "") -> "Visit":
        """Open the version that a request is about, that of a customer where one is given.

        Raises:
            NoSuchVersion: it is not published.
            StoreUnavailable: Redis is away and nothing was seen yet, or nothing readable is published.
        """
        window: ShopWindow = request.app.state.shop_window
        shop: RecommendationStore = request.app.state.store
        asked = request.query_params.get("version")
        variant = variant_of(shop.variants, customer_id) if customer_id and not asked else None
        try:
            versions = list(dict.fromkeys([*await window.versions(), *(each.version for each in shop.variants)]))
            store = await window.look_at(asked or (variant.version if variant else versions[0]), versions)
        except RedisAway:
            if window.last_served is None:
                raise
            return cls(request, window.last_served, [], is_redis_away=True)
        store.catalogue.rules = shop.catalogue.rules  # those of now: nobody would see what they bar
        return cls(request, store, versions, variant)

    def without_redis(self) -> "Visit":
        """The same look after Redis went away."""
        return replace(self, is_redis_away=True)

    @property
    def cards(self) -> Cards:
        """Makes cards of the version's articles."""
        return Cards(self.store.catalogue.facts, self.request.app.state.pictures)

    @property
    def preview(self) -> str | None:
        """The version where it is not the served one; links carry it on."""
        return self.store.pinned_version if self.versions and self.store.pinned_version != self.versions[0] else None

    def choices(self) -> list[tuple[str, str]]:
        """The versions that can be looked at, each with what is to be said of it."""
        told = {
            each.version: f", variant {each.name} ({each.share:.0%})" for each in self.request.app.state.store.variants
        }
        return [(each, ", served" if place == 0 else told.get(each, "")) for place, each in enumerate(self.versions)]

    async def find(self, text: str, most: int) -> Found:
        """Return articles of the version by words, see `ArticleSearch.find`."""
        search = await self.request.app.state.shop_window.search(self.store)
        return await run_in_threadpool(search.find, text, most)

    async def shown_to(self, article_ids: Sequence[str]) -> list[ShownTo]:
        """Return to whom articles are recommended; their keys are read in one round trip."""
        return await asyncio.gather(*map(self.store.article_lists.shown_to, article_ids))

    def text(self, name: str) -> str:
        """A parameter of the address."""
        return self.request.query_params.get(name, "")

    def page(self, template: str, **values: object) -> Response:
        """Render a page of this visit; what was asked for stays when another version is chosen."""
        manifest = self.store.known_head.manifest
        shared = {
            "manifest": manifest,
            "age": format_age(age_seconds(manifest.created_at)),
            "choices": self.choices(),
            "variant": self.variant,
            "preview": self.preview,
            "is_redis_away": self.is_redis_away,
            "here": self.request.url.path,
            "hidden": {name: value for name, value in self.request.query_params.items() if name != "version"},
        }
        return render(self.request, template, **shared, **values)
