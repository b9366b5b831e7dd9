-- No article feature knows a purchase on or after its as-of day. Every feature is made again from the single lines
-- that lie before the day, one count for each as-of day, and compared.

with

sampled_articles as (

    {{ sample_of('article_id', ref('stg_transactions')) }}

),

earlier_lines as (

    select
        as_of_days.as_of_day,
        lines.article_id,
        lines.customer_id,
        lines.price,
        as_of_days.as_of_day - lines.purchase_day as days_before,

    from {{ ref('stg_transactions') }} as lines

    inner join sampled_articles using (article_id)

    cross join {{ ref('int_as_of_days') }} as as_of_days

    where as_of_days.as_of_day - lines.purchase_day > 0

),

recomputed as (

    select
        as_of_day,
        article_id,
        count_if(days_before <= 7) as sales_1w,
        count_if(days_before <= 14) as sales_2w,
        count_if(days_before <= 28) as sales_4w,
        count(distinct customer_id) filter (days_before <= 7) as buyers_1w,
        max(days_before) as age_days,
        min(days_before) as days_since_last_sale,

    from earlier_lines

    group by as_of_day, article_id

),

recomputed_prices as (

    select
        recomputed.as_of_day,
        recomputed.article_id,
        avg(earlier_lines.price) as price,

    from recomputed

    inner join earlier_lines
        on recomputed.as_of_day = earlier_lines.as_of_day
        and recomputed.article_id = earlier_lines.article_id
        and earlier_lines.days_before <= greatest(28, recomputed.days_since_last_sale)

    group by recomputed.as_of_day, recomputed.article_id

),

built as (

    select features.* from {{ ref('article_features') }} as features

    inner join sampled_articles using (article_id)

)

select
    coalesce(built.as_of_day, recomputed.as_of_day) as as_of_day,
    coalesce(built.article_id, recomputed.article_id) as article_id,
    built as built_features,
    recomputed as recomputed_features,
    recomputed_prices.price as recomputed_price,

from built

full join recomputed
    on built.as_of_day = recomputed.as_of_day
    and built.article_id = recomputed.article_id

left join recomputed_prices
    on built.as_of_day = recomputed_prices.as_of_day
    and built.article_id = recomputed_prices.article_id

where built.sales_1w is distinct from recomputed.sales_1w
    or built.sales_2w is distinct from recomputed.sales_2w
    or built.sales_4w is distinct from recomputed.sales_4w
    or built.buyers_1w is distinct from recomputed.buyers_1w
    or built.age_days is distinct from recomputed.age_days
    or built.days_since_last_sale is distinct from recomputed.days_since_last_sale
    or (abs(built.price - recomputed_prices.price) <= 1e-5 * built.price) is not true
