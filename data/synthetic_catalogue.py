"""The articles of the made shop: what they are, when they are on sale, what they cost, how much they are liked.

Stage: raw data, demo only. In: a number of articles and weeks, `hm_profile`, `synthetic_fashion`. Out: a
`Catalogue`, articles in `article_id` order, whose `table` is articles.csv.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from data import synthetic_fashion as fashion
from data.hm_profile import code_table, draw_counts, hm_profile

EUR_PER_PRICE_UNIT = 590.0  # H&M's prices are scaled: 0.0508305 is 29.99 / 590
STYLE_DIMENSIONS = 8


@dataclass(frozen=True)
class CatalogueShape:
    """How articles differ; fitted so that the generated data holds `hm_profile`."""

    life_weeks_median: float = 16.0
    life_weeks_log_sd: float = 1.35
    life_weeks_longest: int = 156
    is_kept: bool = False  # every article stays on sale: a shop of few articles cannot spare one
    attraction_log_sd: float = 1.7  # of a product, natural log of its sales rate
    attraction_range_sd: tuple[float, float] = (-1.0, 1.8)  # shops drop what sells less and run out of what sells more
    variant_attraction_log_sd: float = 1.7  # of a colour variant around its product
    fewest_weeks_seen: int = 2  # of the life of an article launched before the calendar
    same_launch_share: float = 0.7  # colour variants launched together with their product
    appearance_kept_share: float = 0.85  # colour variants with the product's own graphical appearance
    median_price_eur: float = 20.5  # list price of a ladies' garment for the upper body
    price_log_sd: float = 0.3


@dataclass(frozen=True)
class Catalogue:
    """All articles in article_id order; every array has shape (n_articles,) unless noted.

    `launch_week` and `last_week` count weeks of the calendar (week 0 is its first; negative is before it).
    `attraction` is a log sales rate. `list_price` is in H&M's unit; `log_relative_price` compares it with the usual
    price of such an article. `season_peak_month` is 1-12. `style` has shape (n_articles, 8), equal within
    a product. `traits` holds the positions of each attribute that tastes act on.
    """

    table: pd.DataFrame
    product: np.ndarray
    launch_week: np.ndarray
    last_week: np.ndarray
    attraction: np.ndarray
    list_price: np.ndarray
    log_relative_price: np.ndarray
    season_peak_month: np.ndarray
    season_amplitude: np.ndarray
    is_replenished: np.ndarray
    style: np.ndarray
    traits: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.product)


def make_catalogue(
    articles: int, weeks: int, rng: np.random.Generator, shape: CatalogueShape | None = None
) -> Catalogue:
    """Draw `articles` articles whose lives overlap a calendar of `weeks` weeks."""
    shape = shape or CatalogueShape()
    product = _colour_variants(articles, rng)
    n_products = product[-1] + 1
    launch_week, last_week = _lives(product, weeks, rng, shape)
    attributes = _attributes(product, rng, shape)
    table = _article_table(product, launch_week, attributes, rng)
    order = np.argsort(table["article_id"].to_numpy().astype(str), kind="stable")
    product_attraction = shape.attraction_log_sd * np.clip(rng.normal(size=n_products), *shape.attraction_range_sd)
    attraction = product_attraction[product] + rng.normal(0, shape.variant_attraction_log_sd, articles)
    list_price, log_relative_price = _list_prices(product, attributes, rng, shape)
    seasons = np.array([fashion.season(name) for name in attributes["product_type_name"]])
    style = rng.normal(size=(n_products, STYLE_DIMENSIONS))[product].astype(np.float32)
    return Catalogue(
        table=table.iloc[order].reset_index(drop=True),
        product=product[order],
        launch_week=launch_week[order],
        last_week=last_week[order],
        attraction=attraction[order],
        list_price=list_price[order],
        log_relative_price=log_relative_price[order],
        season_peak_month=seasons[order, 0].astype(np.int64),
        season_amplitude=seasons[order, 1],
        is_replenished=attributes["product_group_name"].map(fashion.is_replenished).to_numpy()[order],
        style=style[order],
        traits={
            column: pd.factorize(attributes[column], sort=True)[0][order]
            for column in (
                "index_group_name",
                "section_name",
                "product_type_name",
                "graphical_appearance_name",
                "perceived_colour_master_name",
            )
        },
    )


def _colour_variants(articles: int, rng: np.random.Generator) -> np.ndarray:
    """Product number of each article, ascending; variants per product follow the profile."""
    quantiles = dict(hm_profile()["articles"]["colour_variants_per_product_quantiles"])
    largest = quantiles.pop("max")
    variants = draw_counts(rng.random(articles), quantiles, largest)
    variants = np.minimum(variants, max(1, articles // 50))
    return np.repeat(np.arange(articles), variants)[:articles]


def _lives(
    product: np.ndarray, weeks: int, rng: np.random.Generator, shape: CatalogueShape
) -> tuple[np.ndarray, np.ndarray]:
    """(first, last) week on sale; launches are spread evenly, so that as many articles come as go, or all stay."""
    n_products = product[-1] + 1
    log_life = np.log(shape.life_weeks_median) + rng.normal(0, shape.life_weeks_log_sd, len(product))
    life = np.clip(np.rint(np.exp(log_life)), 2, shape.life_weeks_longest).astype(np.int64)
    together = rng.random(len(product)) < shape.same_launch_share
    phase = np.where(together, rng.random(n_products)[product], rng.random(len(product)))
    if shape.is_kept:
        return _launches_of_kept_articles(phase, weeks), weeks - 1 + life
    earliest = shape.fewest_weeks_seen - life
    launch_week = earliest + np.floor(phase * (weeks - earliest)).astype(np.int64)
    return launch_week, launch_week + life - 1


def _launches_of_kept_articles(phase: np.ndarray, weeks: int) -> np.ndarray:
    """Launch weeks in the order of `phase`: one half before the calendar, the other evenly over it."""
    rank = np.argsort(np.argsort(phase, kind="stable"), kind="stable")
    return np.floor(((rank + 0.5) / len(phase) * 2 - 1) * weeks).astype(np.int64)


def _attributes(product: np.ndarray, rng: np.random.Generator, shape: CatalogueShape) -> pd.DataFrame:
    """Names of all attributes per article: section and type by product, colour by article."""
    n_articles, n_products = len(product), product[-1] + 1
    section, product_type = _sections_and_types(n_products, rng)
    appearance = _draw_names("graphical_appearance_name", n_products, rng)[product]
    changed = rng.random(n_articles) > shape.appearance_kept_share
    appearance = np.where(changed, _draw_names("graphical_appearance_name", n_articles, rng), appearance)
    group_of_type = hm_profile()["product_type_to_group"]
    names = pd.DataFrame(
        {
            "product_type_name": product_type[product],
            "product_group_name": [group_of_type[name] for name in product_type[product]],
            "graphical_appearance_name": appearance,
            "colour_group_name": _draw_names("colour_group_name", n_articles, rng),
            "section_name": section[product],
        }
    )
    masters = set(code_table("perceived_colour_master_name")[1])
    perceived = [fashion.perceived_colour(name, masters) for name in names["colour_group_name"]]
    names[["perceived_colour_value_name", "perceived_colour_master_name"]] = perceived
    names["index_name"] = names["section_name"].map(fashion.index_of_section)
    names["index_group_name"] = names["index_name"].map(fashion.INDEX_GROUP_OF_INDEX)
    kinds = names[["section_name", "product_type_name", "product_group_name", "graphical_appearance_name"]]
    names["garment_group_name"] = [fashion.garment_group(*kind) for kind in kinds.itertuples(index=False)]
    return names


def _draw_names(column: str, size: int, rng: np.random.Generator) -> np.ndarray:
    _, names, shares = code_table(column)
    return rng.choice(names, size=size, p=shares)


def _sections_and_types(n_products: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(section_name, product_type_name) per product, drawn from their joint shares."""
    joint = _joint_section_type_shares()
    cell = rng.choice(joint.size, size=n_products, p=joint.ravel())
    section, product_type = np.divmod(cell, joint.shape[1])
    return code_table("section_name")[1][section], code_table("product_type_name")[1][product_type]


def _joint_section_type_shares(rounds: int = 50) -> np.ndarray:
    """Shares (n_sections, n_types) with the profile's margins, by iterative proportional fitting.

    The start is each index group's own mix of types where a section sells that product group, and a small
    weight elsewhere so that the margins can be met. Deming and Stephan, 1940.
    """
    _, sections, section_shares = code_table("section_name")
    _, types, type_shares = code_table("product_type_name")
    joint = np.empty((len(sections), len(types)))
    for row, section in enumerate(sections):
        joint[row] = _types_of_section(section, types, type_shares)
    for _ in range(rounds):
        joint *= (section_shares / joint.sum(axis=1))[:, None]
        joint *= type_shares / joint.sum(axis=0)
    return joint / joint.sum()


def _types_of_section(section: str, types: np.ndarray, type_shares: np.ndarray) -> np.ndarray:
    """Unnormalised weight of each product type in a section, shape (n_types,)."""
    profile = hm_profile()
    mix = profile["product_type_by_index_group"][fashion.INDEX_GROUP_OF_INDEX[fashion.index_of_section(section)]]
    weight = np.array(
        [mix.get(name, 0.2 * share) for name, share in zip(types, type_shares, strict=True)]
    )  # a type outside the group's listed top 25 is rarer there than overall
    fits = np.array([fashion.sells(section, profile["product_type_to_group"][name]) for name in types])
    return np.where(fits, weight, 1e-3 * weight)


def _list_prices(
    product: np.ndarray, attributes: pd.DataFrame, rng: np.random.Generator, shape: CatalogueShape
) -> tuple[np.ndarray, np.ndarray]:
    """(list price in H&M's unit, log of it over the usual one) per article; variants of a product cost the same."""
    kinds = attributes[["index_group_name", "product_type_name", "product_group_name"]]
    factor = np.array([fashion.price_factor(*kind) for kind in kinds.itertuples(index=False)])
    log_relative_price = rng.normal(0, shape.price_log_sd, product[-1] + 1)[product]
    eur = np.maximum(np.rint(shape.median_price_eur * factor * np.exp(log_relative_price)), 2) - 0.01
    return eur / EUR_PER_PRICE_UNIT, log_relative_price


def _article_table(
    product: np.ndarray, launch_week: np.ndarray, attributes: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """articles.csv in H&M's column order, rows in generation order."""
    product_code = _product_codes(product, launch_week, rng)
    variant = np.arange(len(product)) - np.searchsorted(product, product)  # 0, 1, ... within a product
    columns = {
        "article_id": [f"{code}{number + 1:03d}" for code, number in zip(product_code, variant, strict=True)],
        "product_code": product_code,
        "prod_name": _product_names(product, attributes["product_type_name"], rng),
    }
    columns |= _with_codes("product_type_no", "product_type_name", attributes)
    columns["product_group_name"] = attributes["product_group_name"]
    columns |= _with_codes("graphical_appearance_no", "graphical_appearance_name", attributes)
    columns |= _with_codes("colour_group_code", "colour_group_name", attributes)
    columns |= _with_codes("perceived_colour_value_id", "perceived_colour_value_name", attributes)
    columns |= _with_codes("perceived_colour_master_id", "perceived_colour_master_name", attributes)
    columns |= _departments(attributes)
    columns |= _with_codes("index_code", "index_name", attributes)
    columns |= _with_codes("index_group_no", "index_group_name", attributes)
    columns |= _with_codes("section_no", "section_name", attributes)
    columns |= _with_codes("garment_group_no", "garment_group_name", attributes)
    columns["detail_desc"] = _descriptions(product, attributes, rng)
    return pd.DataFrame(columns)


def _product_codes(product: np.ndarray, launch_week: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """7-character codes with a leading zero that rise with the launch, as H&M's do."""
    n_products = product[-1] + 1
    first_launch = np.full(n_products, np.iinfo(np.int64).max)
    np.minimum.at(first_launch, product, launch_week)
    codes = np.sort(rng.choice(np.arange(108_775, 959_462), size=n_products, replace=False))
    rank = np.argsort(np.argsort(first_launch + rng.normal(0, 4, n_products), kind="stable"), kind="stable")
    return np.array([f"{code:07d}" for code in codes[rank]], dtype=object)[product]


def _with_codes(code_column: str, name_column: str, attributes: pd.DataFrame) -> dict[str, object]:
    """The code and the name column of one attribute; a name with two codes gets the more common one."""
    codes, names, _ = code_table(name_column)
    code_of_name = dict(zip(names[::-1], codes[::-1], strict=True))
    return {code_column: attributes[name_column].map(code_of_name), name_column: attributes[name_column]}


def _departments(attributes: pd.DataFrame) -> dict[str, object]:
    """A department is one garment group of one section; some share a name, as H&M's do."""
    section, group = attributes["section_name"], attributes["garment_group_name"]
    index = attributes["index_name"]
    number, _ = pd.factorize(section + "/" + group, sort=True)
    return {"department_no": 1000 + 7 * number, "department_name": group + " " + index.str.split().str[0]}


_NAME_WORDS = (
    "Alma Amber Apollo Aria Astrid Aurora Bella Birch Blake Bonnie Brook Cleo Coral Dahlia Dover Echo Edda Elin "
    "Ember Faye Fern Fleur Greta Hazel Heidi Hugo Ines Iris Ivy Jade June Kelly Lana Laurel Leo Linus Luna Maple "
    "Marlon Mika Nellie Nora Olive Opal Otis Pearl Perry Poppy Quinn Remy River Rory Rosa Saga Skye Stella Tilda "
    "Toby Vera Willow Winnie Yara Zoe"
).split()
_NAME_ENDINGS = ("", "", " basic", " 2p", " slim", " RW", " SB", " fancy", " premium", " (1)")
_MATERIALS = "soft jersey,cotton poplin,a fine knit,woven fabric,a cotton blend,crinkled viscose,ribbed cotton".split(
    ","
)
_DETAILS = (
    "a round neckline,long sleeves,side pockets,an elasticated waist,narrow straps,a concealed zip,raw edges".split(",")
)


def _product_names(product: np.ndarray, product_type: pd.Series, rng: np.random.Generator) -> np.ndarray:
    n_products = product[-1] + 1
    word = rng.choice(np.array(_NAME_WORDS, dtype=object), n_products)[product]
    ending = rng.choice(np.array(_NAME_ENDINGS, dtype=object), n_products)[product]
    return word + " " + product_type.str.lower().to_numpy() + ending


def _descriptions(product: np.ndarray, attributes: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """One sentence per product; missing for the profile's share of articles."""
    n_products = product[-1] + 1
    material = rng.choice(np.array(_MATERIALS, dtype=object), n_products)[product]
    detail = rng.choice(np.array(_DETAILS, dtype=object), n_products)[product]
    text = attributes["product_type_name"] + " in " + material + " with " + detail + "."
    is_missing = rng.random(len(product)) < hm_profile()["articles"]["detail_desc_missing_share"]
    return text.mask(is_missing)
