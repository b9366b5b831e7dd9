"""Every column name the flow uses, written once.

The dbt marts make these columns; the YAML beside each mart says what a row is.
"""


class Columns:
    """Names of the columns of the marts and of the lists that are written out."""

    # Keys
    CUSTOMER_ID = "customer_id"
    ARTICLE_ID = "article_id"
    AS_OF_DAY = "as_of_day"
    PURCHASE_DAY = "purchase_day"

    # Purchases
    PRICE = "price"

    # An article: what it is, and how it sold before an as-of day
    PRODUCT_NAME = "product_name"
    ARTICLE_ATTRIBUTES = (
        "product_code",
        "product_type",
        "product_group",
        "graphical_appearance",
        "colour_group",
        "perceived_colour_value",
        "perceived_colour_master",
        "department",
        "index_name",
        "index_group",
        "section",
        "garment_group",
    )
    SALES_1W = "sales_1w"
    BUYERS_1W = "buyers_1w"
    DAYS_SINCE_LAST_SALE = "days_since_last_sale"
    ARTICLE_NUMBERS = (
        SALES_1W,
        "sales_2w",
        "sales_4w",
        BUYERS_1W,
        "age_days",
        DAYS_SINCE_LAST_SALE,
        PRICE,
    )

    # A customer as of a day
    SEGMENT = "segment"
    CUSTOMER_CATEGORIES = (SEGMENT, "age_band", "club_member_status", "fashion_news_frequency")
    CUSTOMER_NUMBERS = (
        "purchase_days",
        "articles_bought",
        "days_since_last_purchase",
        "mean_price",
        "online_share",
    )
    HISTORY_ARTICLE_IDS = "history_article_ids"
    HISTORY_DAYS_SINCE = "history_days_since"
    HISTORY_PURCHASE_DAYS = "history_purchase_days"
    HISTORY_NUMBERS = (HISTORY_DAYS_SINCE, HISTORY_PURCHASE_DAYS)

    # Recommendation lists as rows
    MODEL = "model"
    RANK = "rank"
    SCORE = "score"
