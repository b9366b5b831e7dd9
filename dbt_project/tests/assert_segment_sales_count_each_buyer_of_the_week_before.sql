-- A customer is in one segment, so over all segments an article has as many buyers as it had in the seven days before
-- the as-of day, and as many again under 'any channel'. The week is found by counting whole weeks back from the cutoff.
{% set times_counted = 2 if 'channel' in var('segment_columns') else 1 %}

with

weekly_buyers as (

    select
        {{ cutoff() }} - 7 * cast(({{ cutoff() }} - 1 - purchase_day) // 7 as integer) as as_of_day,
        article_id,
        count(distinct customer_id) as buyers,

    from {{ ref('stg_transactions') }}

    where ({{ cutoff() }} - 1 - purchase_day) // 7 <= 2

    group by all

),

segment_buyers as (

    select
        as_of_day,
        article_id,
        sum(buyers_1w) as buyers,

    from {{ ref('segment_sales') }}

    group by as_of_day, article_id

)

select
    as_of_day,
    article_id,
    segment_buyers.buyers as buyers_over_segments,
    weekly_buyers.buyers as buyers_of_the_week,

from segment_buyers

full join weekly_buyers using (as_of_day, article_id)

where segment_buyers.buyers is distinct from {{ times_counted }} * weekly_buyers.buyers
