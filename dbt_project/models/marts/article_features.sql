with

as_of_days as (

    select * from {{ ref('int_as_of_days') }}

),

purchases as (

    select * from {{ ref('int_purchases') }}

),

article_days as (

    select * from {{ ref('int_article_days') }}

),

first_sales as (

    select
        article_id,
        min(purchase_day) as first_sale_day,

    from article_days

    group by article_id

),

last_sales as (

    -- An article that was not sold before the as-of day finds no earlier day here, and gets no row.
    select
        as_of_days.as_of_day,
        first_sales.article_id,
        first_sales.first_sale_day,
        article_days.purchase_day as last_sale_day,
        article_days.revenue / article_days.units as last_price,
        article_days.repeat_buyers / article_days.buyers as repeat_share,

    from first_sales

    cross join as_of_days

    asof inner join article_days
        on first_sales.article_id = article_days.article_id
        and as_of_days.as_of_day > article_days.purchase_day

),

recent_sales as (

    select
        as_of_days.as_of_day,
        article_days.article_id,
        sum(article_days.units) filter (article_days.purchase_day >= as_of_days.as_of_day - 7) as sales_1w,
        sum(article_days.units) filter (article_days.purchase_day >= as_of_days.as_of_day - 14) as sales_2w,
        sum(article_days.units) as sales_4w,
        sum(article_days.revenue) / sum(article_days.units) as price,

    from article_days

    inner join as_of_days
        on article_days.purchase_day >= as_of_days.as_of_day - 28
        and article_days.purchase_day < as_of_days.as_of_day

    group by as_of_days.as_of_day, article_days.article_id

),

season_sales as (

    -- From the same weekday a year before: 364 days are 52 weeks.
    select
        as_of_days.as_of_day,
        article_days.article_id,
        sum(article_days.units) as units,

    from article_days

    inner join as_of_days
        on article_days.purchase_day >= as_of_days.as_of_day - 364
        and article_days.purchase_day <= as_of_days.as_of_day - 337

    group by as_of_days.as_of_day, article_days.article_id

),

recent_buyers as (

    -- A customer's last purchase before the day stands for the customer: no other is counted.
    select
        as_of_days.as_of_day,
        purchases.article_id,
        count_if(purchases.purchase_day >= as_of_days.as_of_day - 7) as buyers_1w,
        count(*) as buyers_4w,

    from purchases

    inner join as_of_days
        on purchases.purchase_day >= as_of_days.as_of_day - 28
        and purchases.purchase_day < as_of_days.as_of_day
        and coalesce(purchases.next_purchase_day >= as_of_days.as_of_day, true)

    group by as_of_days.as_of_day, purchases.article_id

),

final as (

    select
        last_sales.as_of_day,
        last_sales.article_id,
        cast(coalesce(recent_sales.sales_1w, 0) as integer) as sales_1w,
        cast(coalesce(recent_sales.sales_2w, 0) as integer) as sales_2w,
        cast(coalesce(recent_sales.sales_4w, 0) as integer) as sales_4w,
        cast(coalesce(recent_buyers.buyers_1w, 0) as integer) as buyers_1w,
        cast(coalesce(recent_buyers.buyers_4w, 0) as integer) as buyers_4w,
        cast(coalesce(season_sales.units, 0) as integer) as season_sales,
        cast(last_sales.repeat_share as float) as repeat_share,
        cast(last_sales.as_of_day - last_sales.first_sale_day as integer) as age_days,
        cast(last_sales.as_of_day - last_sales.last_sale_day as integer) as days_since_last_sale,
        cast(coalesce(recent_sales.price, last_sales.last_price) as float) as price,

    from last_sales

    left join recent_sales
        on last_sales.as_of_day = recent_sales.as_of_day
        and last_sales.article_id = recent_sales.article_id

    left join recent_buyers
        on last_sales.as_of_day = recent_buyers.as_of_day
        and last_sales.article_id = recent_buyers.article_id

    left join season_sales
        on last_sales.as_of_day = season_sales.as_of_day
        and last_sales.article_id = season_sales.article_id

)

select * from final
