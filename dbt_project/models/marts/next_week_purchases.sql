with

next_week_purchases as (

    select * from {{ ref('int_next_week_purchases') }}

),

customers as (

    select * from {{ ref('stg_customers') }}

),

final as (

    select
        next_week_purchases.as_of_day,
        customers.customer_id,
        next_week_purchases.article_id,
        next_week_purchases.quantity,

    from next_week_purchases

    inner join customers
        on next_week_purchases.customer_code = customers.customer_code

)

select * from final
