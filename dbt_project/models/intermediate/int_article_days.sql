with

purchases as (

    select * from {{ ref('int_purchases') }}

),

final as (

    select
        article_id,
        purchase_day,
        sum(quantity) as units,
        sum(revenue) as revenue,

    from purchases

    group by article_id, purchase_day

)

select * from final
