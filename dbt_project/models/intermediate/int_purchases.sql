with

transactions as (

    select * from {{ ref('stg_transactions') }}

),

customers as (

    select * from {{ ref('stg_customers') }}

),

purchases as (

    select
        customers.customer_code,
        transactions.article_id,
        transactions.purchase_day,
        cast(count(*) as integer) as quantity,
        sum(transactions.price) as revenue,
        if(2 * count_if(transactions.sales_channel_id = 2) > count(*), 2, 1) as sales_channel_id,

    from transactions

    inner join customers
        on transactions.customer_id = customers.customer_id

    group by customers.customer_code, transactions.article_id, transactions.purchase_day

),

final as (

    select
        *,
        row_number() over same_article as times_bought,
        sum(quantity) over same_article as units_bought,
        min(purchase_day) over same_article as first_purchase_day,
        lead(purchase_day) over same_article as next_purchase_day,

    from purchases

    -- From the first purchase up to and including this one.
    window same_article as (partition by customer_code, article_id order by purchase_day)

)

select * from final
