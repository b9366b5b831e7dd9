-- A view: the rows are those of int_purchases, and at full volume a second copy costs gigabytes.
{{ config(materialized='view') }}

with

purchases as (

    select * from {{ ref('int_purchases') }}

),

customers as (

    select * from {{ ref('stg_customers') }}

),

final as (

    select
        customers.customer_id,
        purchases.article_id,
        purchases.purchase_day,
        purchases.quantity,
        cast(purchases.revenue / purchases.quantity as float) as price,
        purchases.sales_channel_id,

    from purchases

    inner join customers
        on purchases.customer_code = customers.customer_code

)

select * from final
