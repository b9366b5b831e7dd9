"""The customers of the made shop: who they are, what they like and what they own.

Stage: raw data, demo only. In: a number of customers, a `Catalogue`, `hm_profile`. Out: `Tastes`, the archetypes
customers are mixtures of, `Customers`, in `customer_id` order, whose `table` is customers.csv, and an empty
`Ownership` to fill.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from data.hm_profile import hm_profile
from data.synthetic_catalogue import STYLE_DIMENSIONS, Catalogue

ARCHETYPES_PER_CUSTOMER = 3
CUSTOMERS_PER_CHUNK = 100_000  # whose weights of all archetypes are held at once
PUBLISHED_POSTAL_CODES = 352_899  # distinct codes in the public customers.csv

# Share of demand by index group. Not in the profile (it has catalogue shares only): what the public data is
# known for, most rows Ladieswear and few for the large children's catalogue.
DEMAND_OF_INDEX_GROUP = {
    "Ladieswear": 0.62,
    "Divided": 0.22,
    "Menswear": 0.07,
    "Baby/Children": 0.05,
    "Sport": 0.04,
}


@dataclass(frozen=True)
class TasteShape:
    """How strongly tastes differ; all standard deviations are of log purchase odds."""

    archetypes: int = 60
    demand_evenness: float = 3.0  # gamma shape of the archetypes' sizes
    other_index_group: float = -3.5  # log odds of an article outside the archetype's index group
    section_sd: float = 1.8
    product_type_sd: float = 1.7
    appearance_sd: float = 0.8
    style_sd: float = 1.3
    affinity_range: tuple[float, float] = (-2.5, 6.0)  # no taste rules an article out, none wants one thing only
    mixture: tuple[float, float, float] = (2.5, 0.7, 0.3)  # Dirichlet weights of a customer's archetypes
    colour_sd: float = 0.8
    price_level_log_sd: float = 0.35  # of customers' preferred price level
    price_tolerance_log: float = 0.55  # half-width of the accepted price band
    repurchase_mean: float = 0.041  # propensity to buy an own article again, given that one is on sale
    repurchase_concentration: float = 3.0
    own_refused_up_to: float = 1.0  # of the articles on sale; who owns a larger share buys own ones as if new
    age_sd_years: float = 9.0  # of the customers of one archetype


@dataclass(frozen=True)
class Tastes:
    """Archetypes: `affinity` float32 (n_archetypes, n_articles), log odds; demand and mean age (n_archetypes,)."""

    affinity: np.ndarray
    index_group: np.ndarray
    style: np.ndarray
    demand: np.ndarray
    mean_age: np.ndarray


@dataclass(frozen=True)
class Customers:
    """All customers in customer_id order.

    `archetypes` int (n_customers, 3) and `archetype_weights` float (n_customers, 3), rows sum to 1;
    `colour_odds` float32 (n_customers, n_colour_masters) in (0, 1]; `log_price_level` float (n_customers,),
    relative to an article's usual price for its kind; `repurchase_propensity` in (0, 1).
    """

    table: pd.DataFrame
    archetypes: np.ndarray
    archetype_weights: np.ndarray
    colour_odds: np.ndarray
    log_price_level: np.ndarray
    repurchase_propensity: np.ndarray
    online_propensity: np.ndarray

    def __len__(self) -> int:
        return len(self.archetypes)


@dataclass
class Ownership:
    """Own articles that are still on sale: sorted keys customer * n_articles + article and the last week bought."""

    n_articles: int
    key: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    week: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def add(self, key: np.ndarray, week: int) -> None:
        """Note purchases of this week; the newest week counts."""
        bought = np.unique(key)
        is_owned, place = self.has(bought), np.searchsorted(self.key, bought)
        self.week[place[is_owned]] = week
        self.key = np.insert(self.key, place[~is_owned], bought[~is_owned])
        self.week = np.insert(self.week, place[~is_owned], week)

    def forget(self, is_off_sale: np.ndarray) -> None:
        """Drop articles that will never be sold again; `is_off_sale` bool (n_articles,)."""
        kept = ~is_off_sale[self.key % self.n_articles]
        self.key, self.week = self.key[kept], self.week[kept]

    def has(self, key: np.ndarray) -> np.ndarray:
        """Whether each key is owned."""
        if len(self.key) == 0:
            return np.zeros(len(key), dtype=bool)
        return self.key[np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)] == key

    def span(self, customer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(first, after) positions of each customer's own articles."""
        first = np.searchsorted(self.key, customer * self.n_articles)
        return first, np.searchsorted(self.key, (customer + 1) * self.n_articles)


def make_tastes(catalogue: Catalogue, rng: np.random.Generator, shape: TasteShape | None = None) -> Tastes:
    """Draw the archetypes: each lives in one index group and likes some sections, types, looks and a style."""
    shape = shape or TasteShape()
    n = shape.archetypes
    group_names = np.array(sorted(DEMAND_OF_INDEX_GROUP), dtype=object)
    group_demand = np.array([DEMAND_OF_INDEX_GROUP[name] for name in group_names])
    index_group = _archetype_groups(group_demand, n)
    style = rng.normal(0, shape.style_sd / np.sqrt(STYLE_DIMENSIONS), (n, STYLE_DIMENSIONS))
    article_group = np.searchsorted(group_names.astype(str), catalogue.table["index_group_name"].to_numpy().astype(str))
    affinity = style @ catalogue.style.T.astype(np.float64)
    for trait, sd in (
        ("section_name", shape.section_sd),
        ("product_type_name", shape.product_type_sd),
        ("graphical_appearance_name", shape.appearance_sd),
    ):
        position = catalogue.traits[trait]
        affinity += rng.normal(0, sd, (n, position.max() + 1))[:, position]
    affinity = np.clip(affinity, *shape.affinity_range)
    affinity += np.where(index_group[:, None] == article_group, 0.0, shape.other_index_group)
    size = rng.gamma(shape.demand_evenness, size=n)
    within = size / np.bincount(index_group, weights=size, minlength=len(group_names))[index_group]
    return Tastes(
        affinity=affinity.astype(np.float32),
        index_group=index_group,
        style=style,
        demand=group_demand[index_group] * within,
        mean_age=_archetype_ages(group_names[index_group], rng),
    )


def _archetype_groups(group_demand: np.ndarray, n_archetypes: int) -> np.ndarray:
    """Index group of each archetype: at least two each, the rest in proportion to demand."""
    cumulative = np.cumsum(group_demand) / group_demand.sum()
    spread = (np.arange(n_archetypes - 2 * len(group_demand)) + 0.5) / (n_archetypes - 2 * len(group_demand))
    return np.sort(np.concatenate([np.repeat(np.arange(len(group_demand)), 2), np.searchsorted(cumulative, spread)]))


def _archetype_ages(group_names: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mean age in years of each archetype's customers; Divided is for the young."""
    size = len(group_names)
    return np.where(group_names == "Divided", rng.uniform(18, 32, size), rng.uniform(22, 58, size))


def make_customers(
    customers: int, tastes: Tastes, catalogue: Catalogue, rng: np.random.Generator, shape: TasteShape | None = None
) -> Customers:
    """Draw `customers` customers: age first, then a taste that suits the age."""
    shape = shape or TasteShape()
    age = _draw_ages(customers, rng)
    archetypes = _draw_archetypes(age, tastes, rng, shape)
    n_colours = catalogue.traits["perceived_colour_master_name"].max() + 1
    colour = rng.normal(0, shape.colour_sd, (customers, n_colours))
    colour -= colour.max(axis=1, keepdims=True)
    a, b = (shape.repurchase_concentration * p for p in (shape.repurchase_mean, 1 - shape.repurchase_mean))
    return Customers(
        table=_customer_table(age, rng),
        archetypes=archetypes,
        archetype_weights=rng.dirichlet(shape.mixture, customers),
        colour_odds=np.exp(0.6 * colour).astype(np.float32),
        log_price_level=rng.normal(0, shape.price_level_log_sd, customers),
        repurchase_propensity=rng.beta(a, b, customers),
        online_propensity=_online_propensity(customers, rng),
    )


def _draw_ages(size: int, rng: np.random.Generator) -> np.ndarray:
    """Whole years, 16 or older, following the profile's five-year histogram."""
    histogram = hm_profile()["customers"]["age_histogram_5y"]
    counts = np.array(list(histogram.values()), dtype=float)
    start = rng.choice(np.array(list(histogram), dtype=int), size=size, p=counts / counts.sum())
    return np.maximum(start + rng.integers(0, 5, size), 16)


def _draw_archetypes(age: np.ndarray, tastes: Tastes, rng: np.random.Generator, shape: TasteShape) -> np.ndarray:
    """Archetypes (n_customers, 3): the first suits the age, the others resemble the first."""
    ages = np.arange(age.min(), age.max() + 1)
    fit = np.exp(-0.5 * ((ages[:, None] - tastes.mean_age) / shape.age_sd_years) ** 2) + 0.02
    fit *= tastes.demand / fit[age - ages[0]].mean(axis=0)  # so that every archetype gets its demand on average
    first = _draw_columns(fit, age - ages[0], rng)
    alike = 0.5 * tastes.style @ tastes.style.T + 1.5 * (tastes.index_group[:, None] == tastes.index_group)
    near = tastes.demand * np.exp(alike)
    np.fill_diagonal(near, 0.0)
    others = [_draw_columns(near, first, rng) for _ in range(ARCHETYPES_PER_CUSTOMER - 1)]
    return np.column_stack([first, *others])


def _draw_columns(weights: np.ndarray, row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One column position per entry of `row`, in proportion to that row of `weights` (n_rows, n_columns)."""
    cumulative = np.cumsum(weights, axis=1)
    threshold = rng.random(len(row)) * cumulative[row, -1]
    drawn = np.empty(len(row), dtype=np.int64)
    for at in range(0, len(row), CUSTOMERS_PER_CHUNK):
        chunk = slice(at, at + CUSTOMERS_PER_CHUNK)
        drawn[chunk] = (cumulative[row[chunk]] < threshold[chunk, None]).sum(axis=1)
    return drawn


def _online_propensity(size: int, rng: np.random.Generator) -> np.ndarray:
    """Each customer's share of online baskets: most people keep to one channel."""
    online = hm_profile()["transactions"]["sales_channel_share"]["2"]
    return rng.beta(1.2 * online, 1.2 * (1 - online), size)


def _customer_table(age: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """customers.csv in H&M's column order; FN goes with the fashion news, Active mostly with FN."""
    profile = hm_profile()["customers"]
    size = len(age)
    news = _draw_values(profile["fashion_news_frequency"], size, rng)
    has_fn = news == "Regularly"
    active_given_fn = (1 - profile["Active_missing_share"]) / (1 - profile["FN_missing_share"])
    is_active = has_fn & (rng.random(size) < active_given_fn)
    age_text = np.char.add(age.astype(str), ".0").astype(object)
    return pd.DataFrame(
        {
            "customer_id": np.sort(_hex_ids(size, rng)),
            "FN": np.where(has_fn, "1.0", ""),
            "Active": np.where(is_active, "1.0", ""),
            "club_member_status": _draw_values(profile["club_member_status"], size, rng),
            "fashion_news_frequency": news,
            "age": np.where(rng.random(size) < profile["age_missing_share"], "", age_text),
            "postal_code": _postal_codes(size, rng),
        }
    )


def _draw_values(shares: dict[str, float], size: int, rng: np.random.Generator) -> np.ndarray:
    weights = np.array(list(shares.values()))
    return rng.choice(np.array(list(shares), dtype=object), size=size, p=weights / weights.sum())


def _hex_ids(size: int, rng: np.random.Generator) -> np.ndarray:
    """`size` random ids of 64 hexadecimal characters."""
    text = rng.bytes(32 * size).hex()
    return np.array([text[64 * i : 64 * (i + 1)] for i in range(size)], dtype=object)


def _postal_codes(size: int, rng: np.random.Generator) -> np.ndarray:
    """Hashed postal codes: one stands for many customers, the others for few, as in a random customer sample."""
    is_common = rng.random(size) < hm_profile()["customers"]["most_common_postal_code_share"]
    number = np.where(is_common, 0, rng.integers(1, PUBLISHED_POSTAL_CODES, size))
    used, position = np.unique(number, return_inverse=True)
    return _hex_ids(len(used), rng)[position]
