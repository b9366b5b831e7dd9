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

recent_buyers as (

    select
        as_of_days.as_of_day,
        purchases.article_id,
        count(distinct purchases.customer_code) as buyers_1w,

    from purchases

    inner join as_of_days
        on purchases.purchase_day >= as_of_days.as_of_day - 7
        and purchases.purchase_day < as_of_days.as_of_day

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

)

select * from final
