-- The targets of an as-of day are exactly what was bought in [day, day + 7). Each line of the file is given its week
-- by counting whole weeks back from the cutoff, and the two sets are compared.

with

lines as (

    select
        customers.customer_code,
        transactions.article_id,
        (({{ cutoff() }} - 1 - transactions.purchase_day) // 7) + 1 as weeks_before_cutoff,

    from {{ ref('stg_transactions') }} as transactions

    inner join {{ ref('stg_customers') }} as customers using (customer_id)

),

expected as (

    select
        {{ cutoff() }} - 7 * cast(weeks_before_cutoff as integer) as as_of_day,
        customer_code,
        article_id,
        cast(count(*) as integer) as quantity,

    from lines

    where weeks_before_cutoff <= {{ var('training_weeks') }} + 2

    group by weeks_before_cutoff, customer_code, article_id

)

(
    select 'not bought that week' as problem, * from {{ ref('next_week_purchases') }}

    except

    select 'not bought that week' as problem, * from expected
)

union all

(
    select 'missing' as problem, * from expected

    except

    select 'missing' as problem, * from {{ ref('next_week_purchases') }}
)
