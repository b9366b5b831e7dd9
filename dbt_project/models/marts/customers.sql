with

customers as (

    select * from {{ ref('stg_customers') }}

),

final as (

    select
        customer_id,
        customer_code,
        age_band,
        club_member_status,
        fashion_news_frequency,
        postal_code,

    from customers

)

select * from final
