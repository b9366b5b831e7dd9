"""Attributes of a gift shop's article, read off its description and first price by word lists.

Stage: raw data, online-retail only. In: a description such as `PINK HEART T-LIGHT HOLDERS`, or a price in
pounds. Out: values for H&M's attribute columns; `unknown` where no word matches.
"""

from __future__ import annotations

import re

UNKNOWN = "unknown"

COLOUR_GROUPS = (
    "Black",
    "Blue",
    "Brown",
    "Cream",
    "Gold",
    "Green",
    "Grey",
    "Ivory",
    "Orange",
    "Pink",
    "Purple",
    "Red",
    "Silver",
    "White",
    "Yellow",
)
_COLOUR_OF_WORD = {colour.upper(): colour for colour in COLOUR_GROUPS} | {"GRAY": "Grey"}

_WORDS_OF_MOTIF = {
    "Spots": "RETROSPOT POLKADOT SPOT SPOTS SPOTTY",
    "Stripes and checks": "STRIPE STRIPES STRIPED STRIPEY GINGHAM CHECK TARTAN",
    "Flowers": "FLORAL FLOWER FLOWERS ROSE ROSES DAISY PAISLEY BLOSSOM",
    "Hearts": "HEART HEARTS SWEETHEART LOVE",
    "Christmas": "CHRISTMAS XMAS SANTA REINDEER SNOWFLAKE ADVENT",
    "Easter": "EASTER EGG EGGS BUNNY",
    "Animals": "BIRD BUTTERFLY CAT DOG OWL RABBIT WOODLAND",
}
_MOTIF_OF_WORD = {word: motif for motif, words in _WORDS_OF_MOTIF.items() for word in words.split()}
GRAPHICAL_APPEARANCES = tuple(_WORDS_OF_MOTIF)

# Words that end many descriptions without naming the thing.
_QUALIFIERS = "ASSORTED ASST COLOUR COLOURS DESIGN DESIGNS LARGE MEDIUM MINI ROUND SET SIZE SMALL STYLE VINTAGE"
_NEVER_A_PRODUCT_TYPE = set(_QUALIFIERS.split()) | _COLOUR_OF_WORD.keys() | _MOTIF_OF_WORD.keys()

# Upper bounds in pounds; each band holds about a sixth of the articles.
_BOUND_OF_PRICE_BAND = {
    "Below 0.85": 0.85,
    "0.85 to 1.44": 1.45,
    "1.45 to 2.09": 2.10,
    "2.10 to 3.74": 3.75,
    "3.75 to 5.94": 5.95,
    "5.95 and above": float("inf"),
}
PRICE_BANDS = tuple(_BOUND_OF_PRICE_BAND)


def colour_group(description: str) -> str:
    """The first colour word: `PINK AND WHITE MUG` is Pink."""
    return _first_match(description, _COLOUR_OF_WORD)


def graphical_appearance(description: str) -> str:
    """The motif of the first word that names one: `RED RETROSPOT MUG` has Spots."""
    return _first_match(description, _MOTIF_OF_WORD)


def product_type(description: str) -> str:
    """The last word that may name the thing, in the singular: `HEART T-LIGHT HOLDERS PINK` is a Holder."""
    names = [word for word in _words(description) if len(word) > 2 and word not in _NEVER_A_PRODUCT_TYPE]
    if not names:
        return UNKNOWN
    name = names[-1]
    is_plural = name.endswith("S") and not name.endswith("SS")
    return (name[:-1] if is_plural else name).capitalize()


def price_band(price: float) -> str:
    """The band that holds a price in pounds: 2.10 is in `2.10 to 3.74`."""
    return next(band for band, bound in _BOUND_OF_PRICE_BAND.items() if price < bound)


def _first_match(description: str, value_of_word: dict[str, str]) -> str:
    return next((value_of_word[word] for word in _words(description) if word in value_of_word), UNKNOWN)


def _words(description: str) -> list[str]:
    return re.findall(r"[A-Z]+", description.upper())
