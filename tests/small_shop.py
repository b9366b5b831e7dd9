"""How the small generated shop of `conftest.py` is cut into weeks, and the two-tower that is trained on it."""

SEGMENT_COLUMNS = ("age_band", "channel")
TRAINING_WEEKS = 6
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
