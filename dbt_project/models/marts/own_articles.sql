with

as_of_days as (

    select * from {{ ref('int_as_of_days') }}

),

snapshots as (

    select * from {{ ref('int_customer_snapshots') }}

),

purchases as (

    select * from {{ ref('int_purchases') }}

),

article_features as (

    select * from {{ ref('article_features') }}

),

ranked_customers as (

    select snapshots.as_of_day, snapshots.customer_code, snapshots.purchases,

    from snapshots

    inner join as_of_days
        on snapshots.as_of_day = as_of_days.as_of_day

    where as_of_days.is_ranked

),

recent_articles as (

    select
        as_of_day,
        article_id,

    from article_features

    where days_since_last_sale <= {{ var('described_days') }}

),

-- The last purchase before the day: made before it, and not followed by another before it.
last_purchases as (

    select
        ranked_customers.as_of_day,
        ranked_customers.customer_code,
        ranked_customers.purchases as customer_purchases,
        purchases.article_id,
        purchases.times_bought,
        purchases.units_bought,
        ranked_customers.as_of_day - purchases.first_purchase_day as first_days_since,
        ranked_customers.as_of_day - purchases.purchase_day as days_since,

    from purchases

    inner join ranked_customers
        on purchases.customer_code = ranked_customers.customer_code
        and purchases.purchase_day < ranked_customers.as_of_day
        and coalesce(purchases.next_purchase_day >= ranked_customers.as_of_day, true)

),

final as (

    select
        last_purchases.as_of_day,
        last_purchases.customer_code,
        last_purchases.article_id,
        cast(last_purchases.times_bought as integer) as purchase_days,
        cast(last_purchases.units_bought as integer) as units,
        cast(last_purchases.first_days_since as integer) as first_days_since,
        cast(last_purchases.days_since as integer) as days_since,
        cast(
            case
                when last_purchases.times_bought > 1
                    then (last_purchases.first_days_since - last_purchases.days_since)
                        / (last_purchases.times_bought - 1)
            end as float
        ) as mean_interval_days,
        cast(last_purchases.times_bought / last_purchases.customer_purchases as float) as share_of_purchases,

    from last_purchases

    -- No inner join: that may be taken first, and would pair every customer with every article of the day.
    semi join recent_articles
        on last_purchases.as_of_day = recent_articles.as_of_day
        and last_purchases.article_id = recent_articles.article_id

)

select * from final
