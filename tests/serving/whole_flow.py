"""What the project does with a Redis, from the first version to the rollback, by the users it is given."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import httpx
from waiting import wait_until

from recommender.release import published_versions
from recommender.release.redis_client import redis_client
from serving.commands import query, rules, variants

SHOP, ADMIN = ({"X-API-Key": key} for key in ("of-the-shop", "of-the-administrator"))
KEYS = {"API_KEYS": f"shop:{SHOP['X-API-Key']}", "ADMIN_API_KEY": ADMIN["X-API-Key"]}


class WholeFlow:
    """Publishes, looks up, bars, tests and rolls back, and compares with what was planted.

    Args:
        api: starts the API when it is entered.
        publish_planted, planted_articles: the fixtures.
    """

    def __init__(
        self,
        api: AbstractContextManager[httpx.Client],
        publish_planted: Callable[..., str],
        planted_articles: Callable[..., list[str]],
    ) -> None:
        self.api, self._publish, self._planted = api, publish_planted, planted_articles

    def run(self) -> None:
        """Do everything once."""
        for version in (1, 2, 3):
            self.publish(version)
        with self.api as http:
            self.is_served(http, 3)
            self._rules(http)
            self._variant(http)
            self._other_routes(http)
            assert published_versions.main(["rollback"]) == 0
            self.is_served(http, 2)

    def run_in_short(self) -> None:
        """Publish, look up and bar: what needs every kind of client."""
        self.publish(1)
        with self.api as http:
            self.is_served(http, 1)
            assert query.main(["--customer", "customer-1"]) == 0
            assert rules.main(["deny", self._planted(1, 7)[0]]) == 0
            self.is_served(http, 1, first=1)

    def publish(self, version: int) -> str:
        """Publish a planted version as the flow does."""
        with redis_client() as client:
            return self._publish(client, version)

    def is_served(self, http: httpx.Client, version: int, seconds: float = 5.0, first: int = 0) -> None:
        """Wait until customers are served their own lists of a version, from some place on."""
        expected = self._planted(version, 7)[first:]

        def holds() -> bool:
            answer = http.get("/recommendations/customer-7", headers=SHOP).json()
            return [each["article_id"] for each in answer.get("items", [])] == expected

        wait_until(holds, seconds)
        ids = {"customer_ids": [f"customer-{row}" for row in range(99)]}
        found = http.post("/recommendations", json=ids, headers=SHOP).json()["recommendations"]
        shown = [[each["article_id"] for each in answer["items"]] for answer in found]
        assert shown[8:] == [self._planted(version, row) for row in range(8, 99)]

    def _rules(self, http: httpx.Client) -> None:
        """One by a command, one over HTTP, one of a feed; then none."""
        first, second, third, *_ = self._planted(3, 7)
        assert rules.main(["deny", first, "--note", "recalled"]) == 0
        self.is_served(http, 3, first=1)
        routes = {f"/admin/rules/articles/{second}": {}, "/admin/rules/feeds/stock": {"article_ids": [third]}}
        for route, body in routes.items():
            assert http.put(route, json={"rule": "denied", **body}, headers=ADMIN).status_code == 200
        self.is_served(http, 3, first=3)
        assert rules.main(["show"]) == 0
        for route in routes:
            assert http.delete(route, headers=ADMIN).status_code == 200
        assert rules.main(["allow", first]) == 0

    def _variant(self, http: httpx.Client) -> None:
        with redis_client() as client:
            previous = published_versions.versions(client, "demo")[1].version
        assert variants.main(["start", "bolder", "--version", previous, "--share", "1"]) == 0
        self.is_served(http, 2)
        assert variants.main(["end", "bolder"]) == 0
        self.is_served(http, 3)

    def _other_routes(self, http: httpx.Client) -> None:
        similar = f"/similar/{self._planted(3, 0)[0]}"
        for route in (similar, "/explain/customer-1", "/popular", "/departments", "/page/customer?id=customer-1"):
            assert http.get(route, headers=SHOP).status_code == 200, route
        assert query.main(["--customer", "customer-1"]) == 0
        ready = http.get("/health/ready", headers=SHOP).json()
        assert (ready["status"], ready.get("reason")) == ("ready", None)
