with

purchases as (

    select * from {{ ref('int_purchases') }}

),

days as (

    select
        article_id,
        purchase_day,
        sum(quantity) as units,
        sum(revenue) as revenue,
        count_if(times_bought = 1) as new_buyers,
        count_if(times_bought = 2) as new_repeat_buyers,

    from purchases

    group by article_id, purchase_day

),

final as (

    select
        article_id,
        purchase_day,
        units,
        revenue,
        sum(new_buyers) over until_this_day as buyers,
        sum(new_repeat_buyers) over until_this_day as repeat_buyers,

    from days

    window until_this_day as (
        partition by article_id
        order by purchase_day
        rows between unbounded preceding and current row
    )

)

select * from final
