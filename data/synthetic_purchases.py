"""Which articles the made customers choose, week by week, with the true probabilities behind each choice.

Stage: raw data, demo only. In: `Catalogue`, `Tastes`, `Customers`, `Calendar`. Out: one `PurchaseWeek` per week.

The law. In week t a customer u who has own articles on sale takes, with probability rho_u, one of them again:
R(j) in proportion to exp(-weeks since / 8), doubled for underwear and socks. Otherwise an article that u does
not own yet, unless u owns a larger part of the shop than `own_refused_up_to`:

    F(j) ~ [ sum_k theta_uk * phi_k(j, t) ] * colour_u(j) * price_u(j)

theta_u mixes three archetypes, phi_k(., t) is archetype k's share of each article on sale,
softmax(log popularity(t) + affinity_k) held down where one article would meet too much demand (it runs out), and
popularity moves with age, season and chance. Where `concentration` c is not 1, phi_k is multiplied by
demand^(c - 1), demand being the archetypes' together. F is drawn by rejection: propose from the mixture, accept with
probability colour * price unless u owns the article. So a week costs archetypes x articles + rows, not customers x
articles, while the exact probabilities remain known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from data.hm_profile import hm_profile
from data.synthetic_calendar import Calendar
from data.synthetic_catalogue import EUR_PER_PRICE_UNIT, Catalogue
from data.synthetic_customers import Customers, Ownership, Tastes, TasteShape

MOST_PROPOSALS = 200  # per wanted article; what is refused that often is not bought
STOCK_ROUNDS = 3
SMALLEST_DEMAND = 1e-12  # share of all demand; keeps what nobody wants from becoming infinitely attractive
REPURCHASE_MEMORY_WEEKS = 8.0


@dataclass(frozen=True)
class MarketShape:
    """How popularity and prices move; fitted so that the generated data holds `hm_profile`."""

    trend_log_sd: float = 0.6  # of an article's popularity around its own level
    trend_weekly_correlation: float = 0.85
    life_decay: float = 2.0  # log popularity lost between launch and last week
    launch_week_log_drop: float = 1.6  # the first week starts below the peak
    concentration: float = 1.0  # power that shares of demand are raised to: 0 would sell all articles alike
    stock_limit: float = 0.45  # over the root of the articles on sale: the largest share of demand one can meet
    markdown_from_age: float = 0.65  # share of its life after which an article may be marked down
    markdowns: tuple[float, ...] = (1.0, 1.0, 0.8, 0.7, 0.6, 0.5)
    offer_share: float = 0.25  # rows with a member or basket offer
    offer_discounts: tuple[float, ...] = (0.9, 0.85, 0.8, 0.75, 0.6)
    price_level: float = 1.0  # factor on every price


@dataclass(frozen=True)
class Market:
    """One week: `on_sale` (n_on_sale,) article positions, ascending; `shares` float64 (n_archetypes, n_on_sale),
    rows sum to 1; `markdown` (n_on_sale,), price relative to the list price."""

    week: int
    on_sale: np.ndarray
    shares: np.ndarray
    markdown: np.ndarray


@dataclass(frozen=True)
class PurchaseWeek:
    """The rows of one week, ordered by day, then customer: customer, article and day positions, price, channel."""

    week: int
    customer: np.ndarray
    article: np.ndarray
    day: np.ndarray
    price: np.ndarray
    channel: np.ndarray


@dataclass(frozen=True)
class Shop:
    """Everything that stays the same from week to week."""

    catalogue: Catalogue
    tastes: Tastes
    customers: Customers
    calendar: Calendar
    taste_shape: TasteShape
    market_shape: MarketShape


def weekly_markets(shop: Shop, rng: np.random.Generator) -> Iterator[Market]:
    """The market of every week: articles come and go, trends wander, seasons turn."""
    catalogue, shape = shop.catalogue, shop.market_shape
    rho = shape.trend_weekly_correlation
    trend = rng.normal(0, shape.trend_log_sd, len(catalogue))
    for week in range(shop.calendar.weeks):
        on_sale = np.flatnonzero((catalogue.launch_week <= week) & (week <= catalogue.last_week))
        month = shop.calendar.middle_of_week(week).month
        log_popularity = _log_popularity(catalogue, on_sale, week, month, shape) + trend[on_sale]
        shares = _shares(shop.tastes, on_sale, log_popularity, shape)
        yield Market(week, on_sale, shares, _markdown(catalogue, on_sale, week, shape))
        step = rng.normal(0, shape.trend_log_sd * np.sqrt(1 - rho**2), len(catalogue))
        trend = rho * trend + step


def _shares(tastes: Tastes, on_sale: np.ndarray, log_popularity: np.ndarray, shape: MarketShape) -> np.ndarray:
    """Each archetype's share of the articles on sale, (n_archetypes, n_on_sale); what sells too well runs out."""
    scores = tastes.affinity[:, on_sale] + log_popularity
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    stock = shape.stock_limit / np.sqrt(len(on_sale))
    for _ in range(STOCK_ROUNDS):
        demand = tastes.demand @ shares / tastes.demand.sum()
        shares *= np.minimum(1.0, stock / demand)
        shares /= shares.sum(axis=1, keepdims=True)
    # Not for 1: one division more would change the last digits of the demo's oracle.
    return shares if shape.concentration == 1 else _concentrated(tastes, shares, shape.concentration)


def _concentrated(tastes: Tastes, shares: np.ndarray, power: float) -> np.ndarray:
    """Shares (n_archetypes, n_on_sale) with the same differences of taste, and total demand raised to `power`."""
    demand = tastes.demand @ shares / tastes.demand.sum()
    changed = shares * np.maximum(demand, SMALLEST_DEMAND) ** (power - 1)
    return changed / changed.sum(axis=1, keepdims=True)


def _log_popularity(catalogue: Catalogue, on_sale: np.ndarray, week: int, month: int, shape: MarketShape) -> np.ndarray:
    """Expected log sales rate by attraction, age and season, shape (n_on_sale,)."""
    launch, last = catalogue.launch_week[on_sale], catalogue.last_week[on_sale]
    age_share = (week - launch) / (last - launch + 1)
    months_from_peak = month - catalogue.season_peak_month[on_sale]
    season = catalogue.season_amplitude[on_sale] * (np.cos(np.pi * months_from_peak / 6) - 1)
    is_first_week = week == launch
    return (
        catalogue.attraction[on_sale]
        - shape.life_decay * age_share
        + season
        - shape.launch_week_log_drop * is_first_week
    )


def _markdown(catalogue: Catalogue, on_sale: np.ndarray, week: int, shape: MarketShape) -> np.ndarray:
    """Price relative to the list price: old articles are marked down, by an amount fixed per article and month."""
    launch, last = catalogue.launch_week[on_sale], catalogue.last_week[on_sale]
    is_old = week - launch >= shape.markdown_from_age * (last - launch + 1)
    step = (on_sale * 7919 + week // 4) % len(shape.markdowns)
    return np.where(is_old, np.asarray(shape.markdowns)[step], 1.0)


def purchase_weeks(
    shop: Shop, market_rng: np.random.Generator, choice_rng: np.random.Generator
) -> Iterator[tuple[PurchaseWeek, Market, Ownership]]:
    """Every week's purchases with the market they were made in and what was owned before.

    `Ownership` is changed in place when the next week is asked for.
    """
    catalogue, calendar = shop.catalogue, shop.calendar
    owned = Ownership(len(catalogue))
    week_of_basket = calendar.week_of(calendar.day)
    bounds = np.searchsorted(week_of_basket, np.arange(calendar.weeks + 1))
    for market in weekly_markets(shop, market_rng):
        owned.forget(catalogue.last_week < market.week)
        baskets = slice(bounds[market.week], bounds[market.week + 1])
        bought = _buy(shop, market, owned, baskets, choice_rng)
        yield bought, market, owned
        owned.add(bought.customer * owned.n_articles + bought.article, market.week)


def _buy(shop: Shop, market: Market, owned: Ownership, baskets: slice, rng: np.random.Generator) -> PurchaseWeek:
    """Choose the articles of one week's baskets, then the price, channel and number of pieces."""
    calendar, customers = shop.calendar, shop.customers
    wanted = calendar.articles[baskets]
    basket = np.repeat(np.arange(len(wanted)), wanted)
    customer = calendar.customer[baskets][basket]
    article = chosen_articles(shop, market, owned, customer, rng)
    is_online = rng.random(len(wanted)) < customers.online_propensity[calendar.customer[baskets]]
    price = _row_prices(shop, market, article, rng)
    kept = _first_of_each(customer * owned.n_articles + article) & (article >= 0)
    row = np.repeat(np.flatnonzero(kept), _pieces(kept.sum(), rng))
    day = calendar.day[baskets][basket]
    return PurchaseWeek(
        week=market.week,
        customer=customer[row],
        article=article[row],
        day=day[row],
        price=price[row],
        channel=np.where(is_online, 2, 1)[basket][row],
    )


def chosen_articles(
    shop: Shop, market: Market, owned: Ownership, customer: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The article of each row, an own one again or a new one; -1 where nothing was found."""
    article = _repurchases(shop, owned, customer, market.week, rng)
    open_ = article < 0
    article[open_] = new_articles(shop, market, owned, customer[open_], rng)
    return article


def repurchase_weights(shop: Shop, owned: Ownership, week: int) -> np.ndarray:
    """Weight of each own article when one is bought again, shape (n_owned,)."""
    weeks_since = week - owned.week
    replenished = shop.catalogue.is_replenished[owned.key % owned.n_articles]
    return np.exp(-weeks_since / REPURCHASE_MEMORY_WEEKS) * (1.0 + replenished)


def _repurchases(shop: Shop, owned: Ownership, customer: np.ndarray, week: int, rng: np.random.Generator) -> np.ndarray:
    """An own article per row, or -1 where something new is to be bought."""
    article = np.full(len(customer), -1, dtype=np.int64)
    first, after = owned.span(customer)
    again = rng.random(len(customer)) < shop.customers.repurchase_propensity[customer]
    rows = np.flatnonzero(again & (after > first))
    cumulative = np.concatenate([[0.0], np.cumsum(repurchase_weights(shop, owned, week))])
    low, high = cumulative[first[rows]], cumulative[after[rows]]
    chosen = np.searchsorted(cumulative, low + rng.random(len(rows)) * (high - low), side="right") - 1
    article[rows] = owned.key[np.clip(chosen, first[rows], after[rows] - 1)] % owned.n_articles
    return article


def new_articles(
    shop: Shop, market: Market, owned: Ownership, customer: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """An article per row as if nothing was owned, or not owned yet (see `is_own_refused`), by rejection from the
    archetypes' shares; -1 where none was accepted."""
    cumulative = np.cumsum(market.shares, axis=1)
    cumulative /= cumulative[:, -1:]
    ladder = (cumulative + np.arange(len(cumulative))[:, None]).ravel()  # archetype k owns the interval (k, k + 1]
    mixture = np.cumsum(shop.customers.archetype_weights, axis=1)
    refuses_own = is_own_refused(shop, market, owned, customer)
    article = np.full(len(customer), -1, dtype=np.int64)
    pending = np.arange(len(customer))
    for _ in range(MOST_PROPOSALS):
        if len(pending) == 0:
            break
        who = customer[pending]
        slot = (mixture[who, :-1] < rng.random(len(who))[:, None]).sum(axis=1)
        archetype = shop.customers.archetypes[who, slot]
        step = np.searchsorted(ladder, archetype + rng.random(len(who)), side="right")
        position = np.minimum(step - archetype * len(market.on_sale), len(market.on_sale) - 1)
        proposal = market.on_sale[position]
        accepted = rng.random(len(who)) < acceptance(shop, market, who, proposal)
        taken = np.flatnonzero(accepted & refuses_own[pending])  # few of all proposals are looked up
        accepted[taken] = ~owned.has(who[taken] * owned.n_articles + proposal[taken])
        article[pending[accepted]] = proposal[accepted]
        pending = pending[~accepted]
    return article


def is_own_refused(shop: Shop, market: Market, owned: Ownership, customer: np.ndarray) -> np.ndarray:
    """Whether each customer who looks for something new passes by what is owned already, bool like `customer`."""
    first, after = owned.span(customer)
    return after - first <= shop.taste_shape.own_refused_up_to * len(market.on_sale)


def acceptance(shop: Shop, market: Market, customer: np.ndarray, article: np.ndarray) -> np.ndarray:
    """Probability in (0, 1] that a customer takes a proposed article: its colour times its price.

    `customer` and `article` are positions that broadcast against each other.
    """
    catalogue, customers = shop.catalogue, shop.customers
    colour = customers.colour_odds[customer, catalogue.traits["perceived_colour_master_name"][article]]
    off_level = catalogue.log_relative_price[article] - customers.log_price_level[customer]
    return colour * np.exp(-0.5 * (off_level / shop.taste_shape.price_tolerance_log) ** 2)


def _first_of_each(key: np.ndarray) -> np.ndarray:
    """True where a key occurs for the first time."""
    first = np.zeros(len(key), dtype=bool)
    first[np.unique(key, return_index=True)[1]] = True
    return first


def _pieces(size: int, rng: np.random.Generator) -> np.ndarray:
    """Rows per purchased article, so that the profile's share of rows are duplicates."""
    duplicates = hm_profile()["transactions"]["duplicate_rows_same_customer_article_day_share"]
    return rng.geometric(1 - duplicates, size)


def _row_prices(shop: Shop, market: Market, article: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Price per row in H&M's unit: list price, markdown, sometimes an offer, rounded to the cent; times the level."""
    shape = shop.market_shape
    markdown = market.markdown[np.clip(np.searchsorted(market.on_sale, article), 0, len(market.on_sale) - 1)]
    offer = rng.choice(np.asarray(shape.offer_discounts), size=len(article))
    offer[rng.random(len(article)) >= shape.offer_share] = 1.0
    eur = shop.catalogue.list_price[article] * EUR_PER_PRICE_UNIT * markdown * offer
    return np.maximum(np.rint(eur * 100), 1) / 100 / EUR_PER_PRICE_UNIT * shape.price_level
