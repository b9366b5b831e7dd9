with

source as (

    select * from {{ source('raw', 'customers') }}

),

renamed as (

    select
        -- keys
        customer_id,
        -- An id of 64 characters costs more than the rest of a purchase: what has a row per purchase has the code.
        cast(row_number() over (order by customer_id) - 1 as integer) as customer_code,

        -- attributes
        case
            when age is null then 'unknown'
            when age < 20 then '<20'
            when age < 25 then '20-24'
            when age < 30 then '25-29'
            when age < 40 then '30-39'
            when age < 50 then '40-49'
            when age < 60 then '50-59'
            else '60+'
        end as age_band,
        {{ or_unknown('club_member_status') }} as club_member_status,
        -- H&M spells "gets no news" both NONE and None.
        regexp_replace({{ or_unknown('fashion_news_frequency') }}, '^none$', 'NONE', 'i') as fashion_news_frequency,
        {{ or_unknown('postal_code') }} as postal_code,

    from source

)

select * from renamed
