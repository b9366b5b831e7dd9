"""Every column name the flow uses, written once.

The dbt marts make these columns; the YAML beside each mart says what a row is.
"""


class Columns:
    """Names of the columns of the marts and of the lists that are written out."""

    # Keys
    CUSTOMER_ID = "customer_id"
    CUSTOMER_CODE = "customer_code"
    ARTICLE_ID = "article_id"
    AS_OF_DAY = "as_of_day"
    PURCHASE_DAY = "purchase_day"
    WEEK_START = "week_start"

    # Purchases
    PRICE = "price"

    # An article: what it is, and how it sold before an as-of day
    PRODUCT_NAME = "product_name"
    PRODUCT_CODE = "product_code"
    DEPARTMENT = "department"
    PRODUCT_TYPE = "product_type"
    COLOUR = "colour_group"
    DESCRIPTION = "description"
    ARTICLE_ATTRIBUTES = (
        PRODUCT_CODE,
        PRODUCT_TYPE,
        "product_group",
        "graphical_appearance",
        COLOUR,
        "perceived_colour_value",
        "perceived_colour_master",
        DEPARTMENT,
        "index_name",
        "index_group",
        "section",
        "garment_group",
    )
    SALES_1W = "sales_1w"
    BUYERS_1W = "buyers_1w"
    DAYS_SINCE_LAST_SALE = "days_since_last_sale"
    SALES_4W = "sales_4w"
    AGE_DAYS = "age_days"
    ARTICLE_NUMBERS = (
        SALES_1W,
        "sales_2w",
        SALES_4W,
        BUYERS_1W,
        AGE_DAYS,
        DAYS_SINCE_LAST_SALE,
        PRICE,
    )
    BUYERS_4W = "buyers_4w"
    SEASON_SALES = "season_sales"
    REPEAT_SHARE = "repeat_share"
    ARTICLE_RANKING_NUMBERS = (*ARTICLE_NUMBERS, BUYERS_4W, SEASON_SALES, REPEAT_SHARE)
    SEGMENT_NUMBERS = (BUYERS_1W, BUYERS_4W)

    # A customer as of a day
    SEGMENT = "segment"
    AGE_BAND = "age_band"
    SEGMENT_COLUMNS = (AGE_BAND, "channel", "postal_code")
    CUSTOMER_CATEGORIES = (SEGMENT, AGE_BAND, "club_member_status", "fashion_news_frequency")
    MEAN_PRICE = "mean_price"
    PURCHASE_DAYS = "purchase_days"
    ONLINE_SHARE = "online_share"
    CUSTOMER_NUMBERS = (
        PURCHASE_DAYS,
        "articles_bought",
        "days_since_last_purchase",
        MEAN_PRICE,
        ONLINE_SHARE,
    )
    PURCHASES_4W = "purchases_4w"
    MEAN_GAP_DAYS = "mean_gap_days"
    CUSTOMER_RANKING_NUMBERS = (*CUSTOMER_NUMBERS, PURCHASES_4W, MEAN_GAP_DAYS)
    HISTORY_ARTICLE_IDS = "history_article_ids"
    HISTORY_DAYS_SINCE = "history_days_since"
    HISTORY_PURCHASE_DAYS = "history_purchase_days"
    HISTORY_NUMBERS = (HISTORY_DAYS_SINCE, HISTORY_PURCHASE_DAYS)

    # A customer and an article as of a day
    OWN_PURCHASE_DAYS = "purchase_days"
    OWN_DAYS_SINCE = "days_since"
    OWN_MEAN_INTERVAL_DAYS = "mean_interval_days"
    OWN_NUMBERS = (
        OWN_PURCHASE_DAYS,
        "units",
        "first_days_since",
        OWN_DAYS_SINCE,
        OWN_MEAN_INTERVAL_DAYS,
        "share_of_purchases",
    )

    # Recommendation lists as rows
    MODEL = "model"
    RANK = "rank"
    SCORE = "score"
