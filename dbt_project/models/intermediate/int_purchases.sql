with

transactions as (

    select * from {{ ref('stg_transactions') }}

),

customers as (

    select * from {{ ref('stg_customers') }}

),

final as (

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

)

select * from final
