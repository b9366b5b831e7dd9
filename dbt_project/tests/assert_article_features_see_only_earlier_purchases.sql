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
        count_if(days_before > 336 and days_before <= 364) as season_sales,
        max(days_before) as age_days,
        min(days_before) as days_since_last_sale,

    from earlier_lines

    group by as_of_day, article_id

),

recomputed_buyers as (

    select
        as_of_day,
        article_id,
        count(distinct customer_id) filter (days_before <= 7) as buyers_1w,
        count(distinct customer_id) as buyers_4w,

    from earlier_lines

    where days_before <= 28

    group by as_of_day, article_id

),

customers_of_article as (

    select
        article_id,
        min(purchase_day) as first_day,
        min(purchase_day, 2)[2] as second_day,

    from (
        select distinct article_id, customer_id, purchase_day

        from {{ ref('stg_transactions') }}

        inner join sampled_articles using (article_id)
    )

    group by article_id, customer_id

),

recomputed_repeat_shares as (

    select
        as_of_days.as_of_day,
        customers_of_article.article_id,
        count(*) filter (customers_of_article.second_day < as_of_days.as_of_day) / count(*) as repeat_share,

    from customers_of_article

    inner join {{ ref('int_as_of_days') }} as as_of_days
        on customers_of_article.first_day < as_of_days.as_of_day

    group by as_of_days.as_of_day, customers_of_article.article_id

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
    recomputed_buyers,
    recomputed_prices.price as recomputed_price,
    recomputed_repeat_shares.repeat_share as recomputed_repeat_share,

from built

full join recomputed
    on built.as_of_day = recomputed.as_of_day
    and built.article_id = recomputed.article_id

left join recomputed_buyers
    on built.as_of_day = recomputed_buyers.as_of_day
    and built.article_id = recomputed_buyers.article_id

left join recomputed_prices
    on built.as_of_day = recomputed_prices.as_of_day
    and built.article_id = recomputed_prices.article_id

left join recomputed_repeat_shares
    on built.as_of_day = recomputed_repeat_shares.as_of_day
    and built.article_id = recomputed_repeat_shares.article_id

where built.sales_1w is distinct from recomputed.sales_1w
    or built.sales_2w is distinct from recomputed.sales_2w
    or built.sales_4w is distinct from recomputed.sales_4w
    or built.buyers_1w is distinct from coalesce(recomputed_buyers.buyers_1w, 0)
    or built.buyers_4w is distinct from coalesce(recomputed_buyers.buyers_4w, 0)
    or built.season_sales is distinct from recomputed.season_sales
    or built.age_days is distinct from recomputed.age_days
    or built.days_since_last_sale is distinct from recomputed.days_since_last_sale
    or (abs(built.repeat_share - recomputed_repeat_shares.repeat_share) <= 1e-5) is not true
    or (abs(built.price - recomputed_prices.price) <= 1e-5 * built.price) is not true
