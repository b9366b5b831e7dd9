-- The targets of an as-of day are exactly what was bought in [day, day + 7). Each line of the file is given its week
-- by counting whole weeks back from the cutoff, and the two sets are compared.

with

lines as (

    select
        customer_id,
        article_id,
        (({{ cutoff() }} - 1 - purchase_day) // 7) + 1 as weeks_before_cutoff,

    from {{ ref('stg_transactions') }}

),

expected as (

    select
        {{ cutoff() }} - 7 * cast(weeks_before_cutoff as integer) as as_of_day,
        customer_id,
        article_id,
        cast(count(*) as integer) as quantity,

    from lines

    where weeks_before_cutoff <= {{ var('training_weeks') }} + 2

    group by weeks_before_cutoff, customer_id, article_id

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
