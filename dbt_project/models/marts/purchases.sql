-- A view: the rows are those of int_purchases, and at full volume a second copy costs gigabytes.
{{ config(materialized='view') }}

with

purchases as (

    select * from {{ ref('int_purchases') }}

),

final as (

    select
        customer_code,
        article_id,
        purchase_day,
        quantity,
        cast(revenue / quantity as float) as price,
        sales_channel_id,

    from purchases

)

select * from final
