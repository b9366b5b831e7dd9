with

source as (

    select * from {{ source('raw', 'transactions_train') }}

),

before_cutoff as (

    -- The one place where the cutoff meets the purchases: no later model can see a purchase that is not here.
    select * from source

    where t_dat < {{ cutoff() }}

),

renamed as (

    select
        customer_id,
        article_id,
        t_dat as purchase_day,
        -- Decimal, because a sum of floats depends on the order in which threads add them up.
        cast(price as decimal(18, 9)) as price,
        sales_channel_id,

    from before_cutoff

)

select * from renamed
