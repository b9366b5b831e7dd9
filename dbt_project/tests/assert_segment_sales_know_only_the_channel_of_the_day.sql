-- No segment of a buyer knows a purchase on or after the as-of day. For some articles the buyers' segments are made
-- again from the purchases that lie before the day, one grouping for each as-of day, and their buyers compared.

with

sampled_articles as (

    {{ sample_of('article_id', ref('stg_transactions')) }}

),

as_of_days as (

    select as_of_day from {{ ref('int_as_of_days') }}

    where is_ranked

),

buyers as (

    select distinct
        as_of_days.as_of_day,
        purchases.customer_code,
        purchases.article_id,

    from {{ ref('purchases') }} as purchases

    inner join sampled_articles using (article_id)

    inner join as_of_days
        on as_of_days.as_of_day - purchases.purchase_day between 1 and 28

),

online_shares as (

    select
        buyers.as_of_day,
        buyers.customer_code,
        count_if(purchases.sales_channel_id = 2) / count(*) as online_share,

    from (select distinct as_of_day, customer_code from buyers) as buyers

    inner join {{ ref('purchases') }} as purchases
        on buyers.customer_code = purchases.customer_code
        and buyers.as_of_day > purchases.purchase_day

    group by buyers.as_of_day, buyers.customer_code

),

recomputed as (

    select
        buyers.as_of_day,
        {{ segment(channel('online_shares.online_share')) }} as segment,
        buyers.article_id,
        count(*) as buyers_4w,

    from buyers

    inner join online_shares using (as_of_day, customer_code)

    inner join {{ ref('customers') }} as customers using (customer_code)

    group by all

),

built as (

    select segment_sales.* from {{ ref('segment_sales') }} as segment_sales

    inner join sampled_articles using (article_id)

    {% if 'channel' in var('segment_columns') %}
    where segment_sales.segment not like '%any channel%'
    {% endif %}

)

select
    as_of_day,
    segment,
    article_id,
    built.buyers_4w as built_buyers,
    recomputed.buyers_4w as recomputed_buyers,

from built

full join recomputed using (as_of_day, segment, article_id)

where built.buyers_4w is distinct from recomputed.buyers_4w
