with

as_of_days as (

    select * from {{ ref('int_as_of_days') }}

),

purchases as (

    select * from {{ ref('int_purchases') }}

),

customers as (

    select * from {{ ref('stg_customers') }}

),

customer_features as (

    select * from {{ ref('customer_features') }}

),

buyers as (

    select distinct
        as_of_days.as_of_day,
        purchases.customer_code,
        purchases.article_id,

    from purchases

    inner join as_of_days
        on purchases.purchase_day >= as_of_days.as_of_day - 7
        and purchases.purchase_day < as_of_days.as_of_day

    where as_of_days.is_for_every_customer

),

buyers_in_segments as (

    select
        buyers.as_of_day,
        customer_features.segment,
        {{ segment("'any channel'") }} as segment_of_any_channel,
        buyers.article_id,

    from buyers

    inner join customers
        on buyers.customer_code = customers.customer_code

    inner join customer_features
        on buyers.as_of_day = customer_features.as_of_day
        and customers.customer_id = customer_features.customer_id

),

buyer_counts as (

    select as_of_day, segment, article_id, count(*) as buyers_1w,

    from buyers_in_segments

    group by as_of_day, segment, article_id

    union all

    -- Customers without a purchase have no channel: they are served what everybody in the rest of their segment bought.
    select as_of_day, segment_of_any_channel as segment, article_id, count(*) as buyers_1w,

    from buyers_in_segments

    where segment_of_any_channel != segment

    group by as_of_day, segment_of_any_channel, article_id

),

final as (

    select
        as_of_day,
        segment,
        article_id,
        cast(buyers_1w as integer) as buyers_1w,

    from buyer_counts

)

select * from final
