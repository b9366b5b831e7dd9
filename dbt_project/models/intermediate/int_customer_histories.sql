{# A purchase of a history as one integer: what a day and what an article's place count in it. #}
{% set day, article = 2 ** 42, 2 ** 20 %}

with

purchases as (

    select * from {{ ref('int_purchases') }}

),

snapshots as (

    select * from {{ ref('int_customer_snapshots') }}

),

articles as (

    select * from {{ ref('stg_articles') }}

),

article_places as (

    select
        article_id,
        row_number() over (order by article_id) as place,

    from articles

),

every_article as (

    select list(article_id order by place) as article_ids from article_places

),

-- Most as-of days of a customer share one last purchase day, and with it the history.
last_purchase_days as (

    select distinct
        customer_code,
        last_purchase_day,

    from snapshots

    where last_purchase_day is not null

),

-- DuckDB cannot write to disk what it collects for a group, so it collects integers: days before the last purchase
-- first, then the article's place, then times bought. Their order is that of the history.
recent as (

    select
        last_purchase_days.customer_code,
        last_purchase_days.last_purchase_day,
        list_sort(
            list(
                (last_purchase_days.last_purchase_day - purchases.purchase_day) * {{ day }}
                + article_places.place * {{ article }}
                + purchases.times_bought
            )
        )[:{{ var('history_length') }}] as purchases,

    from last_purchase_days

    -- The purchase that was an article's latest by then: made by then, and not followed by another by then.
    inner join purchases
        on last_purchase_days.customer_code = purchases.customer_code
        and purchases.purchase_day <= last_purchase_days.last_purchase_day
        and coalesce(purchases.next_purchase_day > last_purchase_days.last_purchase_day, true)

    inner join article_places
        on purchases.article_id = article_places.article_id

    group by last_purchase_days.customer_code, last_purchase_days.last_purchase_day

),

final as (

    select
        customer_code,
        last_purchase_day,
        list_transform(
            purchases, lambda purchase: article_ids[purchase % {{ day }} // {{ article }}]
        ) as article_ids,
        list_transform(
            purchases, lambda purchase: last_purchase_day - cast(purchase // {{ day }} as integer)
        ) as purchase_days,
        list_transform(purchases, lambda purchase: purchase % {{ article }}) as times_bought,

    from recent

    cross join every_article

)

select * from final
