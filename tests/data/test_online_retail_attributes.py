"""Attributes of the gift shop are read off real descriptions; each word of a list tells one value."""

from collections import Counter

import pytest

from data import online_retail_words as words
from data.online_retail_attributes import (
    colour_group,
    graphical_appearance,
    material,
    occasion,
    pack,
    perceived_colour_master,
    perceived_colour_value,
    price_band,
    product_group,
    product_type,
)


@pytest.mark.parametrize(
    ("description", "thing"),
    [
        ("WHITE HANGING HEART T-LIGHT HOLDER", ("T light holder", "Candles and lights")),
        ("SET/20 RED RETROSPOT PAPER NAPKINS", ("Napkin", "Tableware")),
        ("LUNCH BAG  BLACK SKULL.", ("Lunch bag", "Bags and travel")),
        ("LUNCH BAG VINTAGE DOILY", ("Lunch bag", "Bags and travel")),  # a doily's pattern
        ("SET OF 36 PAISLEY FLOWER DOILIES", ("Doilies", "Tableware")),
        ("SCOTTIE DOG HOT WATER BOTTLE", ("Hot water bottle", "Home textiles")),  # no bottle
        ("ROSE SCENT CANDLE IN JEWELLED BOX", ("Candle", "Candles and lights")),  # the box is an aside
        ("UTILTY CABINET WITH HOOKS", ("Cabinet", "Storage")),
        ("WRAP BIRD GARDEN", ("Wrap", "Cards and gift wrap")),  # shapes count where no thing is named
        ("PINK METAL SWINGING BUNNY", ("Bunny", "Decorations")),
        ("CHRISTMAS GLASS", ("Glass", "Tableware")),
        ("SET OF 3 HEART COOKIE CUTTERS", ("Cookie cutter", "Kitchen")),
        ("ROUND SNACK BOXES SET OF4 WOODLAND", ("Snack box", "Tableware")),
        ("PINK SPOT", ("unknown", "unknown")),
        ("", ("unknown", "unknown")),
    ],
)
def test_product_type_and_group_follow_the_last_thing_named(description, thing):
    assert (product_type(description), product_group(description)) == thing


@pytest.mark.parametrize(
    ("description", "colour"),
    [
        ("PINK AND WHITE MUG", ("Pink", "Light", "Pink")),
        ("RECYCLED ACAPULCO MAT TURQUOISE", ("Turquoise", "Bright", "Blue")),
        ("IVORY KITCHEN SCALES", ("Ivory", "Light", "White")),
        ("ANTIQUE SILVER TEA GLASS ETCHED", ("Silver", "Metallic", "Metal")),
        ("ASSORTED COLOUR BIRD ORNAMENT", ("Multicolour", "Mixed", "Multicolour")),
        ("ENGRAVED TAG", ("unknown", "unknown", "unknown")),  # RED within a word is no colour
    ],
)
def test_colour_is_the_first_named_and_its_lightness_and_family_follow(description, colour):
    found = (colour_group(description), perceived_colour_value(description), perceived_colour_master(description))

    assert found == colour


@pytest.mark.parametrize(
    ("description", "appearance"),
    [
        ("RED RETROSPOT CHARLOTTE BAG", "Retrospot"),
        ("RETRO SPOT LARGE MILK JUG", "Retrospot"),
        ("LUNCH BAG PINK POLKADOT", "Spots"),
        ("LUNCH BAG SUKI  DESIGN", "Suki"),
        ("SPACEBOY BIRTHDAY CARD", "Spaceboy"),
        ("VINTAGE UNION JACK BUNTING", "London and England"),  # a motif tells more than the style before it
        ("VINTAGE SNAP CARDS", "Vintage"),
        ("CHRISTMAS GLASS", "unknown"),
    ],
)
def test_graphical_appearance_is_the_motif_else_the_style(description, appearance):
    assert graphical_appearance(description) == appearance


@pytest.mark.parametrize(
    ("description", "made_of"),
    [
        ("GLASS HEART T-LIGHT HOLDER", "Glass"),
        ("WOOD S/3 CABINET ANT WHITE FINISH", "Wood"),
        ("SET/20 RED RETROSPOT PAPER NAPKINS", "Paper"),
        ("SET OF 20 VINTAGE CHRISTMAS NAPKINS", "Paper"),  # as napkins are
        ("DOLLY GIRL CHILDRENS BOWL", "Ceramic"),
        ("SET/5 RED RETROSPOT LID GLASS BOWLS", "Glass"),
        ("WHITE HANGING HEART T-LIGHT HOLDER", "unknown"),
    ],
)
def test_material_is_the_one_named_else_that_of_such_things(description, made_of):
    assert material(description) == made_of


@pytest.mark.parametrize(
    ("description", "season"),
    [
        ("PAPER CHAIN KIT 50'S CHRISTMAS", "Christmas"),
        ("BLUE FELT EASTER EGG BASKET", "Easter"),
        ("EGG FRYING PAN PINK", "All year"),
        ("SCOTTIE DOG HOT WATER BOTTLE", "Winter"),
        ("PICNIC BASKET WICKER LARGE", "Summer"),
        ("PARTY BUNTING", "Parties"),
        ("", "All year"),
    ],
)
def test_occasion_is_the_season_or_feast(description, season):
    assert occasion(description) == season


@pytest.mark.parametrize(
    ("description", "pieces"),
    [
        ("JUMBO BAG RED RETROSPOT", "Single"),
        ("TEA TIME TEA SET IN GIFT BOX", "Set"),
        ("GREEN PAIR HEART HAIR SLIDES", "Set of 2"),
        ("WOOD S/3 CABINET ANT WHITE FINISH", "Set of 3 to 5"),
        ("ROUND SNACK BOXES SET OF4 WOODLAND", "Set of 3 to 5"),
        ("PACK OF SIX LED TEA LIGHTS", "Set of 6 to 9"),
        ("BAKING SET 9 PIECE RETROSPOT", "Set of 6 to 9"),
        ("RETROSPOT TEA SET CERAMIC 11 PC", "Set of 10 to 19"),
        ("PACK/12 BLUE REINDEER CARD", "Set of 10 to 19"),
        ("60 TEATIME FAIRY CAKE CASES", "Set of 20 and more"),
        ("3 TIER CAKE TIN GREEN AND CREAM", "Single"),
        ("3D DOG PICTURE PLAYING CARDS", "Single"),
        ("PAPER CHAIN KIT 50'S CHRISTMAS", "Single"),
        ("NUMBER TILE COTTAGE GARDEN 7", "Single"),
    ],
)
def test_pack_counts_the_pieces_sold_as_one(description, pieces):
    assert pack(description) == pieces


@pytest.mark.parametrize(
    ("price", "band"), [(0.01, "Below 0.85"), (0.85, "0.85 to 1.44"), (5.94, "3.75 to 5.94"), (295, "5.95 and above")]
)
def test_price_band_begins_with_its_lower_bound(price, band):
    assert price_band(price) == band


@pytest.mark.parametrize(
    "lists",
    [
        (words.COLOUR_GROUPS,),
        (words.MOTIFS,),
        (words.STYLES,),
        (words.OCCASIONS,),
        (words.PRODUCT_GROUPS, words.PRODUCT_GROUPS_OF_SHAPES),
        (words.MATERIALS,),
        (words.MATERIALS_AS_A_RULE,),
    ],
)
def test_no_word_tells_two_values(lists):
    listed = Counter(
        word for words_of_value in lists for value in words_of_value.values() for word in value.split(", ")
    )

    assert [word for word, count in listed.items() if count > 1] == []
    assert all(word == " ".join(word.split()).upper() for word in listed)


def test_every_colour_group_has_a_perceived_colour():
    assert list(words.PERCEIVED_COLOURS) == list(words.COLOUR_GROUPS)
