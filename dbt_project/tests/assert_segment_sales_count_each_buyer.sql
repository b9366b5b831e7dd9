-- A customer is in one segment, so over all segments an article has as many buyers as it had in the seven and in the 28
-- days before the as-of day, and as many again under 'any channel'. The weeks are found by counting whole weeks back
-- from the cutoff: the four that end on an as-of day begin 0 to 3 weeks before its last one.
{% set times_counted = 2 if 'channel' in var('segment_columns') else 1 %}

with

lines as (

    select
        ({{ cutoff() }} - 1 - purchase_day) // 7 as weeks_before_cutoff,
        article_id,
        customer_id,

    from {{ ref('stg_transactions') }}

),

buyers as (

    select
        {{ cutoff() }} - 7 * cast(lines.weeks_before_cutoff - weeks.range as integer) as as_of_day,
        lines.article_id,
        count(distinct lines.customer_id) filter (weeks.range = 0) as buyers_1w,
        count(distinct lines.customer_id) as buyers_4w,

    from lines

    cross join range(4) as weeks

    where lines.weeks_before_cutoff - weeks.range between 0 and 1 + {{ var('ranking_weeks') }}

    group by all

),

segment_buyers as (

    select
        as_of_day,
        article_id,
        sum(buyers_1w) as buyers_1w,
        sum(buyers_4w) as buyers_4w,

    from {{ ref('segment_sales') }}

    group by as_of_day, article_id

)

select
    as_of_day,
    article_id,
    segment_buyers as buyers_over_segments,
    buyers,

from segment_buyers

full join buyers using (as_of_day, article_id)

where segment_buyers.buyers_1w is distinct from {{ times_counted }} * buyers.buyers_1w
    or segment_buyers.buyers_4w is distinct from {{ times_counted }} * buyers.buyers_4w
