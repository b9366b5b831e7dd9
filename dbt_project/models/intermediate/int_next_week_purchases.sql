with

as_of_days as (

    select * from {{ ref('int_as_of_days') }}

),

purchases as (

    select * from {{ ref('int_purchases') }}

),

final as (

    select
        as_of_days.as_of_day,
        purchases.customer_code,
        purchases.article_id,
        cast(sum(purchases.quantity) as integer) as quantity,

    from purchases

    inner join as_of_days
        on purchases.purchase_day >= as_of_days.as_of_day
        and purchases.purchase_day < as_of_days.as_of_day + 7

    group by as_of_days.as_of_day, purchases.customer_code, purchases.article_id

)

select * from final
