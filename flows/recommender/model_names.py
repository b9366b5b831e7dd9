"""The names that recommenders have in lists, metrics and reports; baselines go by the names of their functions."""

SERVED = "served"
"""Whatever would be served: the four stages, or the baseline that did better."""

FOUR_STAGES = "four_stages"
"""Tonight's two-tower and ranker; they stand under this name only where they are not what is served."""

TWO_TOWER = "two_tower"
ITEM_TO_ITEM = EASE, ITEM_KNN, LAST_BASKET = "ease", "item_knn", "last_basket"
"""Generators that score by what was bought together: whatever else may be recommended, their scores stay the same."""

CHAMPION = "champion"
ORACLE = "oracle"  # knows what no recommender can: shown as a limit, not as a rival
