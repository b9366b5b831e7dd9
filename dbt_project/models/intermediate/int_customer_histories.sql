with

purchases as (

    select * from {{ ref('int_purchases') }}

),

snapshots as (

    select * from {{ ref('int_customer_snapshots') }}

),

-- Sorted once for each customer; every snapshot then only filters, which keeps the order.
timelines as (

    select
        customer_code,
        list(
            {
                'article_id': article_id,
                'purchase_day': purchase_day,
                'next_purchase_day': next_purchase_day,
                'times_bought': times_bought,
            }
            order by purchase_day desc, article_id
        ) as purchases,

    from purchases

    group by customer_code

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
        -- The purchase that was an article's latest by then: made by then, and not followed by another by then.
        list_filter(
            timelines.purchases,
            lambda purchase:
                purchase.purchase_day <= last_purchase_days.last_purchase_day
                and coalesce(purchase.next_purchase_day > last_purchase_days.last_purchase_day, true)
        )[:{{ var('history_length') }}] as purchases,

    from last_purchase_days

    inner join timelines
        on last_purchase_days.customer_code = timelines.customer_code

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
