with

purchases as (

    select * from {{ ref('int_purchases') }}

),

first_purchases as (

    select
        customer_code,
        article_id,
        min(purchase_day) as purchase_day,

    from purchases

    group by customer_code, article_id

),

new_articles as (

    select
        customer_code,
        purchase_day,
        count(*) as articles,

    from first_purchases

    group by customer_code, purchase_day

),

days as (

    select
        customer_code,
        purchase_day,
        count(*) as purchases,
        count_if(sales_channel_id = 2) as online_purchases,
        sum(quantity) as units,
        sum(revenue) as revenue,

    from purchases

    group by customer_code, purchase_day

),

final as (

    select
        days.customer_code,
        days.purchase_day,
        row_number() over until_this_day as purchase_days,
        sum(coalesce(new_articles.articles, 0)) over until_this_day as articles_bought,
        sum(days.purchases) over until_this_day as purchases,
        sum(days.online_purchases) over until_this_day as online_purchases,
        sum(days.units) over until_this_day as units,
        sum(days.revenue) over until_this_day as revenue,

    from days

    left join new_articles
        on days.customer_code = new_articles.customer_code
        and days.purchase_day = new_articles.purchase_day

    window until_this_day as (
        partition by days.customer_code
        order by days.purchase_day
        rows between unbounded preceding and current row
    )

)

select * from final
