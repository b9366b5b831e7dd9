"""How the small generated shop of `conftest.py` is cut into weeks, the two-tower trained on it and its four stages."""

from recommender.config import FilterSettings, OrderSettings, StageSettings

SEGMENT_COLUMNS = ("age_band", "channel")
TRAINING_WEEKS = 6
RANKING_WEEKS = 2
ON_SALE_DAYS = 28

SMALL_TWO_TOWER = {
    "embedding_dim": 16,
    "attribute_dim": 4,
    "hidden_dim": 32,
    "dropout": 0.1,
    "epochs": 4,
    "patience": 4,
    "batch_size": 64,
    "learning_rate": 0.02,
    "weight_decay": 0.3,
    "history_dropout": 0.1,
    "sampled_negatives": 0,
    "max_softmax_articles": 20_000,
    "sampled_fallback": 64,
    "threads": 1,
}

SMALL_STAGES = StageSettings(
    sizes={"two_tower": 24, "own": 12, "ease": 12, "item_knn": 0, "popular": 12, "fresh": 4},
    filters=FilterSettings(ON_SALE_DAYS, is_season_checked=True),
    rankers={"lambdarank": {"n_trees": 30, "min_rows_in_leaf": 20}},
    order=OrderSettings(depth=24, diversity=0.0, caps={"product_code": 3}),
)
