with

snapshots as (

    select * from {{ ref('int_customer_snapshots') }}

),

histories as (

    select * from {{ ref('int_customer_histories') }}

),

customers as (

    select * from {{ ref('stg_customers') }}

),

snapshots_with_channel as (

    select
        *,
        {{ channel('online_share') }} as channel,

    from snapshots

),

final as (

    select
        snapshots.as_of_day,
        snapshots.customer_code,

        -- who
        {{ segment('snapshots.channel') }} as segment,
        customers.age_band,
        customers.club_member_status,
        customers.fashion_news_frequency,
        customers.postal_code,

        -- how much and when
        cast(snapshots.purchase_days as integer) as purchase_days,
        cast(snapshots.articles_bought as integer) as articles_bought,
        cast(snapshots.as_of_day - snapshots.last_purchase_day as integer) as days_since_last_purchase,
        cast(snapshots.purchases_4w as integer) as purchases_4w,
        cast(snapshots.mean_gap_days as float) as mean_gap_days,
        cast(snapshots.mean_price as float) as mean_price,
        cast(snapshots.online_share as float) as online_share,

        -- what, the latest first
        coalesce(histories.article_ids, []) as history_article_ids,
        cast(
            coalesce(
                list_transform(histories.purchase_days, lambda purchase_day: snapshots.as_of_day - purchase_day), []
            ) as float[]
        ) as history_days_since,
        cast(coalesce(histories.times_bought, []) as float[]) as history_purchase_days,

    from snapshots_with_channel as snapshots

    inner join customers
        on snapshots.customer_code = customers.customer_code

    left join histories
        on snapshots.customer_code = histories.customer_code
        and snapshots.last_purchase_day = histories.last_purchase_day

)

select * from final
