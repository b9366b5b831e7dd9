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

customer_days as (

    select * from {{ ref('int_customer_days') }}

),

buyers as (

    -- A customer's last purchase before the day stands for the customer: no other is counted.
    select
        as_of_days.as_of_day,
        purchases.customer_code,
        purchases.article_id,
        purchases.purchase_day >= as_of_days.as_of_day - 7 as is_of_last_week,

    from purchases

    inner join as_of_days
        on purchases.purchase_day >= as_of_days.as_of_day - 28
        and purchases.purchase_day < as_of_days.as_of_day
        and coalesce(purchases.next_purchase_day >= as_of_days.as_of_day, true)

    where as_of_days.is_ranked

),

-- Not from customer_features, which before the cutoff lacks the buyers who do not come back in the week from the day.
online_shares as (

    select
        buyers_of_the_day.as_of_day,
        buyers_of_the_day.customer_code,
        customer_days.online_purchases / customer_days.purchases as online_share,

    from (select distinct as_of_day, customer_code from buyers) as buyers_of_the_day

    asof inner join customer_days
        on buyers_of_the_day.customer_code = customer_days.customer_code
        and buyers_of_the_day.as_of_day > customer_days.purchase_day

),

segments as (

    select
        online_shares.as_of_day,
        online_shares.customer_code,
        {{ segment(channel('online_shares.online_share')) }} as segment,
        {{ segment("'any channel'") }} as segment_of_any_channel,

    from online_shares

    inner join customers
        on online_shares.customer_code = customers.customer_code

),

buyers_in_segments as (

    select
        segments.segment,
        segments.segment_of_any_channel,
        buyers.*,

    from buyers

    inner join segments
        on buyers.as_of_day = segments.as_of_day
        and buyers.customer_code = segments.customer_code

),

buyer_counts as (

    select as_of_day, segment, article_id, count_if(is_of_last_week) as buyers_1w, count(*) as buyers_4w,

    from buyers_in_segments

    group by as_of_day, segment, article_id

    union all

    -- Customers without a purchase have no channel: they are served what everybody in the rest of their segment bought.
    select
        as_of_day,
        segment_of_any_channel as segment,
        article_id,
        count_if(is_of_last_week) as buyers_1w,
        count(*) as buyers_4w,

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
        cast(buyers_4w as integer) as buyers_4w,

    from buyer_counts

)

select * from final
