"""What goes with what in a fashion catalogue: the relations that one-column shares cannot say.

Stage: raw data, demo only; read by `synthetic_catalogue`. The shares themselves come from `hm_profile.json`;
here stand the column relations of the public catalogue (which index a section belongs to, which master
colour a colour group has) and plain shop knowledge (coats cost more than socks and sell in autumn).
"""

from __future__ import annotations

INDEX_GROUP_OF_INDEX = {
    "Ladieswear": "Ladieswear",
    "Lingeries/Tights": "Ladieswear",
    "Ladies Accessories": "Ladieswear",
    "Divided": "Divided",
    "Menswear": "Menswear",
    "Sport": "Sport",
    "Baby Sizes 50-98": "Baby/Children",
    "Children Sizes 92-140": "Baby/Children",
    "Children Sizes 134-170": "Baby/Children",
    "Children Accessories, Swimwear": "Baby/Children",
}

# Sections that belong to another index than their first word says.
_INDEX_OF_SECTION = {
    "Womens Lingerie": "Lingeries/Tights",
    "Womens Nightwear, Socks & Tigh": "Lingeries/Tights",
    "Womens Swimwear, beachwear": "Lingeries/Tights",
    "Womens Small accessories": "Ladies Accessories",
    "Womens Big accessories": "Ladies Accessories",
    "Womens Shoes": "Ladies Accessories",
    "Ladies H&M Sport": "Sport",
    "Men H&M Sport": "Sport",
    "Kids Sports": "Sport",
    "Kids & Baby Shoes": "Children Accessories, Swimwear",
    "Kids Accessories, Swimwear & D": "Children Accessories, Swimwear",
    "EQ Divided": "Divided",
    "Denim Men": "Menswear",
}

_INDEX_OF_FIRST_WORD = {
    "Divided": "Divided",
    "Men": "Menswear",
    "Mens": "Menswear",
    "Contemporary": "Menswear",
    "Baby": "Baby Sizes 50-98",
    "Kids": "Children Sizes 92-140",
    "Boys": "Children Sizes 92-140",
    "Young": "Children Sizes 134-170",
    "Girls": "Children Sizes 134-170",
}

GARMENTS = ("Garment Upper body", "Garment Lower body", "Garment Full body")
_SMALL_GARMENTS = ("Underwear", "Nightwear", "Socks & Tights", "Underwear/nightwear")

# Sections that sell only some product groups; every other section sells garments.
_PRODUCT_GROUPS_OF_SECTION = {
    "Womens Lingerie": ("Underwear", "Nightwear"),
    "Womens Nightwear, Socks & Tigh": ("Nightwear", "Socks & Tights", "Underwear/nightwear"),
    "Womens Swimwear, beachwear": ("Swimwear",),
    "Womens Small accessories": ("Accessories", "Cosmetic", "Items"),
    "Womens Big accessories": ("Accessories", "Bags", "Interior textile", "Furniture"),
    "Womens Shoes": ("Shoes", "Garment and Shoe care"),
    "Divided Accessories": ("Accessories", "Shoes", "Socks & Tights", "Bags"),
    "Men Underwear": _SMALL_GARMENTS,
    "Men Accessories": ("Accessories", "Bags", "Stationery"),
    "Men Shoes": ("Shoes",),
    "Girls Underwear & Basics": (*_SMALL_GARMENTS, "Garment Upper body"),
    "Boys Underwear & Basics": (*_SMALL_GARMENTS, "Garment Upper body"),
    "Baby Essentials & Complements": (*GARMENTS, *_SMALL_GARMENTS, "Fun"),
    "Kids & Baby Shoes": ("Shoes",),
    "Kids Accessories, Swimwear & D": ("Accessories", "Swimwear", "Bags"),
    "Ladies H&M Sport": (*GARMENTS, "Underwear", "Swimwear", "Socks & Tights"),
    "Special Collections": (*GARMENTS, "Unknown", "Accessories"),
}

_GARMENT_GROUP_OF_PRODUCT_GROUP = {
    "Accessories": "Accessories",
    "Bags": "Accessories",
    "Items": "Accessories",
    "Cosmetic": "Accessories",
    "Shoes": "Shoes",
    "Garment and Shoe care": "Shoes",
    "Swimwear": "Swimwear",
    "Socks & Tights": "Socks and Tights",
    "Underwear": "Under-, Nightwear",
    "Nightwear": "Under-, Nightwear",
    "Underwear/nightwear": "Under-, Nightwear",
    "Garment Upper body": "Jersey Fancy",
    "Garment Lower body": "Trousers",
    "Garment Full body": "Jersey Fancy",
}

_GARMENT_GROUP_OF_PRODUCT_TYPE = {
    "Sweater": "Knitwear",
    "Cardigan": "Knitwear",
    "Blouse": "Blouses",
    "Shirt": "Shirts",
    "Jacket": "Outdoor",
    "Coat": "Outdoor",
    "Outdoor Waistcoat": "Outdoor",
    "Outdoor trousers": "Outdoor",
    "Outdoor overall": "Outdoor",
    "Blazer": "Dressed",
    "Tailored Waistcoat": "Dressed",
    "Shorts": "Shorts",
    "Skirt": "Skirts",
    "Dress": "Dresses Ladies",
    "Jumpsuit/Playsuit": "Dresses Ladies",
    "Leggings/Tights": "Jersey Basic",
    "Vest top": "Jersey Basic",
}

# colour_group_name -> (perceived_colour_value_name, perceived_colour_master_name), where the colour group's own
# words do not already say it.
_PERCEIVED_COLOUR = {
    "Black": ("Dark", "Black"),
    "White": ("Light", "White"),
    "Off White": ("Dusty Light", "White"),
    "Grey": ("Medium Dusty", "Grey"),
    "Light Grey": ("Dusty Light", "Grey"),
    "Light Pink": ("Dusty Light", "Pink"),
    "Light Beige": ("Dusty Light", "Beige"),
    "Beige": ("Medium Dusty", "Beige"),
    "Dark Beige": ("Medium Dusty", "Mole"),
    "Greyish Beige": ("Medium Dusty", "Mole"),
    "Greenish Khaki": ("Medium Dusty", "Khaki green"),
    "Yellowish Brown": ("Dark", "Brown"),
    "Gold": ("Medium Dusty", "Metal"),
    "Silver": ("Dusty Light", "Metal"),
    "Bronze/Copper": ("Medium Dusty", "Metal"),
    "Transparent": ("Undefined", "undefined"),
    "Other": ("Undefined", "undefined"),
    "Unknown": ("Unknown", "Unknown"),
    "Red": ("Bright", "Red"),
    "Yellow": ("Bright", "Yellow"),
    "Blue": ("Medium Dusty", "Blue"),
    "Pink": ("Medium", "Pink"),
    "Green": ("Medium", "Green"),
    "Orange": ("Medium", "Orange"),
}
_VALUE_OF_FIRST_WORD = {"Dark": "Dark", "Light": "Light", "Other": "Medium"}
_MASTER_OF_LAST_WORD = {"Purple": "Lilac Purple"}

# Median list price relative to a garment for the upper body.
_PRICE_FACTOR_OF_PRODUCT_TYPE = {
    "Coat": 2.8,
    "Jacket": 1.9,
    "Blazer": 1.9,
    "Boots": 2.0,
    "Dress": 1.25,
    "Jumpsuit/Playsuit": 1.3,
    "Sweater": 1.2,
    "Cardigan": 1.2,
    "T-shirt": 0.6,
    "Vest top": 0.5,
    "Top": 0.75,
    "Bag": 1.0,
}
_PRICE_FACTOR_OF_PRODUCT_GROUP = {
    "Garment Upper body": 1.0,
    "Garment Lower body": 1.15,
    "Garment Full body": 1.3,
    "Shoes": 1.4,
    "Accessories": 0.5,
    "Underwear": 0.6,
    "Nightwear": 0.9,
    "Swimwear": 0.75,
    "Socks & Tights": 0.4,
}
_PRICE_FACTOR_OF_INDEX_GROUP = {"Baby/Children": 0.65, "Divided": 0.85, "Menswear": 1.15}

# Product types sold mostly around one month: (peak month, log amplitude).
_SEASON_OF_PRODUCT_TYPE = {
    **dict.fromkeys(("Swimwear bottom", "Bikini top", "Swimsuit", "Swimwear set", "Sarong"), (6, 1.6)),
    **dict.fromkeys(("Shorts", "Sandals", "Flip flop", "Straw hat", "Hat/brim", "Sunglasses"), (6, 1.2)),
    **dict.fromkeys(("Vest top", "T-shirt", "Dress", "Skirt", "Jumpsuit/Playsuit"), (6, 0.4)),
    **dict.fromkeys(("Coat", "Gloves", "Scarf", "Hat/beanie", "Beanie", "Robe"), (12, 1.4)),
    **dict.fromkeys(("Sweater", "Boots", "Cardigan", "Hoodie", "Jacket", "Outdoor trousers"), (11, 0.7)),
    **dict.fromkeys(("Blazer", "Trousers", "Shirt"), (10, 0.2)),
}

# Bought again when worn out or outgrown; everything else is mostly bought once.
_REPLENISHED_PRODUCT_GROUPS = ("Underwear", "Socks & Tights", "Nightwear", "Cosmetic")


def index_of_section(section: str) -> str:
    """Index name a section belongs to; sections named after nothing else are Ladieswear."""
    first_word = section.split()[0]
    return _INDEX_OF_SECTION.get(section) or _INDEX_OF_FIRST_WORD.get(first_word, "Ladieswear")


def sells(section: str, product_group: str) -> bool:
    """Whether a section carries a product group."""
    return product_group in _PRODUCT_GROUPS_OF_SECTION.get(section, GARMENTS)


def garment_group(section: str, product_type: str, product_group: str, appearance: str) -> str:
    """Garment group name of a product, e.g. ("Kids Girl", "Dress", ...) -> "Dresses/Skirts girls"."""
    index = index_of_section(section)
    if index == "Baby Sizes 50-98" and product_group in ("Garment Lower body", "Garment Full body"):
        return "Woven/Jersey/Knitted mix Baby"
    if index.startswith("Children") and product_type in ("Dress", "Skirt"):
        return "Dresses/Skirts girls"
    if index == "Sport" and product_group in ("Garment Upper body", "Garment Lower body"):
        return "Unknown"
    if product_type in ("Trousers", "Shorts") and appearance == "Denim":
        return "Trousers Denim"
    if product_type in ("T-shirt", "Top", "Bodysuit") and ("Basic" in section or appearance == "Solid"):
        return "Jersey Basic"
    if index.startswith("Children") and product_type == "Sweater":
        return "Jersey Fancy"
    of_group = _GARMENT_GROUP_OF_PRODUCT_GROUP.get(product_group, "Unknown")
    return _GARMENT_GROUP_OF_PRODUCT_TYPE.get(product_type, of_group)


def perceived_colour(colour_group: str, known_masters: set[str]) -> tuple[str, str]:
    """(value, master) of a colour group, e.g. "Dark Blue" -> ("Dark", "Blue")."""
    if colour_group in _PERCEIVED_COLOUR:
        return _PERCEIVED_COLOUR[colour_group]
    words = colour_group.split()
    master = _MASTER_OF_LAST_WORD.get(words[-1], words[-1])
    return _VALUE_OF_FIRST_WORD.get(words[0], "Medium"), master if master in known_masters else "Unknown"


def price_factor(index_group: str, product_type: str, product_group: str) -> float:
    """Median list price relative to a ladies' garment for the upper body (1.0)."""
    of_group = _PRICE_FACTOR_OF_PRODUCT_GROUP.get(product_group, 0.6)
    of_type = _PRICE_FACTOR_OF_PRODUCT_TYPE.get(product_type, of_group)
    return of_type * _PRICE_FACTOR_OF_INDEX_GROUP.get(index_group, 1.0)


def season(product_type: str) -> tuple[int, float]:
    """(peak month 1-12, log amplitude) of a product type; amplitude 0 where demand is level."""
    return _SEASON_OF_PRODUCT_TYPE.get(product_type, (1, 0.0))


def is_replenished(product_group: str) -> bool:
    """Whether customers come back for the same article (underwear, socks)."""
    return product_group in _REPLENISHED_PRODUCT_GROUPS
