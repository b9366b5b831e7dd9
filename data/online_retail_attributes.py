"""Attributes of a gift shop's article, read off its description and first price by word lists.

Stage: raw data, online-retail only. In: a description such as `PINK HEART T-LIGHT HOLDERS`, or a price in
pounds. Out: values for H&M's attribute columns; `unknown` where no word of `online_retail_words` matches.

An English description ends with the thing (`RED RETROSPOT LUNCH BAG`), so product type and group follow the last
matching word; what it looks like, is made of and is for follow the first.
"""

from __future__ import annotations

import re

from data import online_retail_words as words

UNKNOWN = "unknown"
NO_OCCASION = "All year"

COLOUR_GROUPS = tuple(words.COLOUR_GROUPS)
PERCEIVED_COLOUR_VALUES = tuple(dict.fromkeys(value for value, _ in words.PERCEIVED_COLOURS.values()))
PERCEIVED_COLOUR_MASTERS = tuple(dict.fromkeys(master for _, master in words.PERCEIVED_COLOURS.values()))
GRAPHICAL_APPEARANCES = (*words.MOTIFS, *words.STYLES)
MATERIALS = tuple(words.MATERIALS | words.MATERIALS_AS_A_RULE)
OCCASIONS = (NO_OCCASION, *words.OCCASIONS)

# The least number of pieces of each.
_LEAST_OF_PACK = {
    "Set of 2": 2,
    "Set of 3 to 5": 3,
    "Set of 6 to 9": 6,
    "Set of 10 to 19": 10,
    "Set of 20 and more": 20,
}
SINGLE, UNCOUNTED_SET = "Single", "Set"
PACKS = (SINGLE, UNCOUNTED_SET, *_LEAST_OF_PACK)

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

_NUMBER = rf"(\d+|{'|'.join(words.NUMBERS)})"
# `SET OF 4`, `S/4`, `PACK/12`; `9 PIECE`; `60 CAKE CASES` but not `3 TIER CAKE TIN` or `3D STICKERS`.
_PIECES = re.compile(
    rf"\b(?:SET|PACK|BOX|BUNDLE|TUB|S)(?: OF)? {_NUMBER}\b|\b{_NUMBER} (?:PIECE|PC)\b"
    rf"|^{_NUMBER} (?!(?:D|CM|TIER|HOOK|HANGER|DRAWER|DOOR|STRAND)\b)"
)
# What follows goes with the thing, or is a design that is called like a thing.
_ASIDE = re.compile(r" (?:WITH|W|IN|ON|VINTAGE DOILY)\b")


class _WordList:
    """The phrases of a word list, longer before shorter, and the value that each tells."""

    def __init__(self, words_of_value: dict[str, str]) -> None:
        self.value_of = {word: value for value, listed in words_of_value.items() for word in listed.split(", ")}
        longest_first = sorted(self.value_of, key=len, reverse=True)
        self._pattern = re.compile(rf"\b({'|'.join(longest_first)})(?:S|(?<=[HSX])ES)?\b")

    def phrases(self, text: str) -> list[str]:
        """What of the list stands in `text`, in its order, in the singular."""
        return self._pattern.findall(text)


_COLOURS, _MOTIFS, _STYLES = _WordList(words.COLOUR_GROUPS), _WordList(words.MOTIFS), _WordList(words.STYLES)
_THINGS, _SHAPES = _WordList(words.PRODUCT_GROUPS), _WordList(words.PRODUCT_GROUPS_OF_SHAPES)
_MATERIALS, _MATERIALS_AS_A_RULE = _WordList(words.MATERIALS), _WordList(words.MATERIALS_AS_A_RULE)
_OCCASIONS = _WordList(words.OCCASIONS)
_GROUP_OF_THING = _SHAPES.value_of | _THINGS.value_of


def product_type(description: str) -> str:
    """The thing itself, in the singular: `HANGING HEART T-LIGHT HOLDERS` is a T light holder."""
    return _thing(description).capitalize() or UNKNOWN


def product_group(description: str) -> str:
    """The family of the thing: `LUNCH BAG BLACK SKULL` belongs to Bags and travel."""
    return _GROUP_OF_THING.get(_thing(description), UNKNOWN)


def colour_group(description: str) -> str:
    """The first colour word: `PINK AND WHITE MUG` is Pink."""
    return _first_value(description, _COLOURS)


def perceived_colour_value(description: str) -> str:
    """How light the colour is: `IVORY MUG` is Light, `GOLD MUG` is Metallic."""
    return words.PERCEIVED_COLOURS.get(colour_group(description), (UNKNOWN, UNKNOWN))[0]


def perceived_colour_master(description: str) -> str:
    """The family of the colour: `TURQUOISE MUG` is Blue."""
    return words.PERCEIVED_COLOURS.get(colour_group(description), (UNKNOWN, UNKNOWN))[1]


def graphical_appearance(description: str) -> str:
    """The first motif or design line, else the style: `VINTAGE RETROSPOT MUG` is Retrospot, `VINTAGE MUG` Vintage."""
    return _first_value(description, _MOTIFS, _STYLES)


def material(description: str) -> str:
    """The first material named, else what such a thing is made of: `GLASS MUG` is Glass, `MUG` is Ceramic."""
    return _first_value(description, _MATERIALS, _MATERIALS_AS_A_RULE)


def occasion(description: str) -> str:
    """The season or feast that the article is for; `All year` where no word tells one."""
    value = _first_value(description, _OCCASIONS)
    return NO_OCCASION if value == UNKNOWN else value


def pack(description: str) -> str:
    """How many pieces are sold as one: `SET/6 MUGS` is a Set of 6 to 9, `TEA SET` a Set, `MUG` is Single."""
    text = _text(description)
    found = _PIECES.search(text)
    if found is None:
        return "Set of 2" if re.search(r"\bPAIR\b", text) else UNCOUNTED_SET if re.search(r"\bSET\b", text) else SINGLE
    number = next(group for group in found.groups() if group)
    pieces = words.NUMBERS.get(number) or int(number)
    return next((name for name, least in reversed(_LEAST_OF_PACK.items()) if pieces >= least), SINGLE)


def price_band(price: float) -> str:
    """The band that holds a price in pounds: 2.10 is in `2.10 to 3.74`."""
    return next(band for band, bound in _BOUND_OF_PRICE_BAND.items() if price < bound)


def _thing(description: str) -> str:
    """The last thing named before an aside, else anywhere, else the last shape; empty if there is none."""
    text = _text(description)
    for word_list, part in ((_THINGS, _ASIDE.split(text)[0]), (_THINGS, text), (_SHAPES, text)):
        phrases = word_list.phrases(part)
        if phrases:
            return phrases[-1]
    return ""


def _first_value(description: str, *word_lists: _WordList) -> str:
    """What the first phrase of the first list with a phrase in the description tells."""
    text = _text(description)
    return next((listed.value_of[phrase] for listed in word_lists for phrase in listed.phrases(text)), UNKNOWN)


def _text(description: str) -> str:
    """Capitals and numbers, one space apart: `SET/6 T-LIGHTS` becomes `SET 6 T LIGHTS`."""
    return " ".join(re.findall(r"[A-Z]+|[0-9]+", description.upper()))
