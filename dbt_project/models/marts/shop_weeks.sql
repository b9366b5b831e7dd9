with

purchases as (

    select * from {{ ref('int_purchases') }}

),

article_days as (

    select * from {{ ref('int_article_days') }}

),

customer_days as (

    select * from {{ ref('int_customer_days') }}

),

-- Whole weeks only: one that the data begin within would look like a slow one.
weeks as (

    select
        cast(range as integer) + 1 as weeks_before_cutoff,
        {{ cutoff() }} - 7 * (cast(range as integer) + 1) as week_start,

    from range((
        select least(({{ cutoff() }} - min(purchase_day)) // 7, {{ var('described_days') }} // 7) from customer_days
    ))

),

sales as (

    select
        {{ week_before_cutoff('purchase_day') }} as weeks_before_cutoff,
        count(*) as purchases,
        -- Decimal for the same reason as the price itself; an article given away has no logarithm.
        avg(cast(ln(nullif(revenue, 0) / quantity) as decimal(18, 9))) as mean_log_price,
        count_if(sales_channel_id = 2) / count(*) as online_share,
        count_if(times_bought > 1) / count(*) as repeat_share,

    from purchases

    where purchase_day >= {{ cutoff() }} - {{ var('described_days') }}

    group by weeks_before_cutoff

),

articles as (

    select
        {{ week_before_cutoff('purchase_day') }} as weeks_before_cutoff,
        count(distinct article_id) as articles,

    from article_days

    where purchase_day >= {{ cutoff() }} - {{ var('described_days') }}

    group by weeks_before_cutoff

),

new_articles as (

    select
        {{ week_before_cutoff('first_sale_day') }} as weeks_before_cutoff,
        count(*) as new_articles,

    from (select min(purchase_day) as first_sale_day from article_days group by article_id)

    group by weeks_before_cutoff

),

customers as (

    select
        {{ week_before_cutoff('purchase_day') }} as weeks_before_cutoff,
        count(distinct customer_code) as customers,
        count(distinct purchase_day) as selling_days,
        count_if(purchase_days = 1) as new_customers,

    from customer_days

    where purchase_day >= {{ cutoff() }} - {{ var('described_days') }}

    group by weeks_before_cutoff

),

final as (

    select
        weeks.week_start,
        weeks.weeks_before_cutoff,
        cast(coalesce(sales.purchases, 0) as integer) as purchases,
        cast(coalesce(customers.customers, 0) as integer) as customers,
        cast(coalesce(articles.articles, 0) as integer) as articles,
        cast(coalesce(customers.selling_days, 0) as integer) as selling_days,
        cast(coalesce(new_articles.new_articles, 0) as integer) as new_articles,
        cast(coalesce(customers.new_customers, 0) as integer) as new_customers,
        sales.mean_log_price,
        sales.online_share,
        sales.repeat_share,

    from weeks

    left join sales using (weeks_before_cutoff)
    left join articles using (weeks_before_cutoff)
    left join new_articles using (weeks_before_cutoff)
    left join customers using (weeks_before_cutoff)

)

select * from final
