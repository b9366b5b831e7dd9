with

as_of_days as (

    select * from {{ ref('int_as_of_days') }}

),

customers as (

    select * from {{ ref('stg_customers') }}

),

next_week_purchases as (

    select * from {{ ref('int_next_week_purchases') }}

),

customer_days as (

    select * from {{ ref('int_customer_days') }}

),

needed as (

    select
        as_of_days.as_of_day,
        customers.customer_code,

    from as_of_days

    cross join customers

    where as_of_days.is_for_every_customer

    union

    select
        as_of_day,
        customer_code,

    from next_week_purchases

),

final as (

    select
        needed.as_of_day,
        needed.customer_code,
        customer_days.purchase_day as last_purchase_day,
        coalesce(customer_days.purchase_days, 0) as purchase_days,
        coalesce(customer_days.articles_bought, 0) as articles_bought,
        coalesce(customer_days.purchases, 0) as purchases,
        coalesce(customer_days.purchases - coalesce(earlier_days.purchases, 0), 0) as purchases_4w,
        case
            when customer_days.purchase_days > 1
                then (customer_days.purchase_day - customer_days.first_purchase_day) / (customer_days.purchase_days - 1)
        end as mean_gap_days,
        customer_days.revenue / customer_days.units as mean_price,
        customer_days.online_purchases / customer_days.purchases as online_share,

    from needed

    asof left join customer_days
        on needed.customer_code = customer_days.customer_code
        and needed.as_of_day > customer_days.purchase_day

    asof left join customer_days as earlier_days
        on needed.customer_code = earlier_days.customer_code
        and needed.as_of_day - 28 > earlier_days.purchase_day

)

select * from final
