with

purchases as (

    select * from {{ ref('int_purchases') }}

),

days as (

    select
        customer_code,
        purchase_day,
        count_if(times_bought = 1) as new_articles,
        count(*) as purchases,
        count_if(sales_channel_id = 2) as online_purchases,
        sum(quantity) as units,
        sum(revenue) as revenue,

    from purchases

    group by customer_code, purchase_day

),

final as (

    select
        customer_code,
        purchase_day,
        min(purchase_day) over until_this_day as first_purchase_day,
        row_number() over until_this_day as purchase_days,
        sum(new_articles) over until_this_day as articles_bought,
        sum(purchases) over until_this_day as purchases,
        sum(online_purchases) over until_this_day as online_purchases,
        sum(units) over until_this_day as units,
        sum(revenue) over until_this_day as revenue,

    from days

    window until_this_day as (
        partition by customer_code
        order by purchase_day
        rows between unbounded preceding and current row
    )

)

select * from final
