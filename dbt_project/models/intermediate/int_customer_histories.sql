with

purchases as (

    select * from {{ ref('int_purchases') }}

),

snapshots as (

    select * from {{ ref('int_customer_snapshots') }}

),

-- Most as-of days of a customer share one last purchase day, and with it the history.
last_purchase_days as (

    select distinct
        customer_code,
        last_purchase_day,

    from snapshots

    where last_purchase_day is not null

),

recent as (

    select
        last_purchase_days.customer_code,
        last_purchase_days.last_purchase_day,
        -- The smallest ones, so few of them: a list in order of everything would take ten times the memory.
        min(
            {
                'days_since': last_purchase_days.last_purchase_day - purchases.purchase_day,
                'article_id': purchases.article_id,
                'purchase_day': purchases.purchase_day,
                'times_bought': purchases.times_bought,
            },
            {{ var('history_length') }}
        ) as purchases,

    from last_purchase_days

    -- The purchase that was an article's latest by then: made by then, and not followed by another by then.
    inner join purchases
        on last_purchase_days.customer_code = purchases.customer_code
        and purchases.purchase_day <= last_purchase_days.last_purchase_day
        and coalesce(purchases.next_purchase_day > last_purchase_days.last_purchase_day, true)

    group by last_purchase_days.customer_code, last_purchase_days.last_purchase_day

),

final as (

    select
        customer_code,
        last_purchase_day,
        list_transform(purchases, lambda purchase: purchase.article_id) as article_ids,
        list_transform(purchases, lambda purchase: purchase.purchase_day) as purchase_days,
        list_transform(purchases, lambda purchase: purchase.times_bought) as times_bought,

    from recent

)

select * from final
