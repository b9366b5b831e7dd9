-- No customer feature knows a purchase on or after its as-of day. Every feature is made again from the purchases that
-- lie before the day, one grouping for each as-of day, and compared.

with

sampled_customers as (

    {{ sample_of('customer_code', ref('customers')) }}

),

built as (

    select features.* from {{ ref('customer_features') }} as features

    inner join sampled_customers using (customer_code)

),

earlier_purchases as (

    select
        built.as_of_day,
        built.customer_code,
        purchases.article_id,
        purchases.quantity,
        purchases.price,
        purchases.sales_channel_id,
        built.as_of_day - purchases.purchase_day as days_before,

    from built

    inner join {{ ref('purchases') }} as purchases
        on built.customer_code = purchases.customer_code
        and built.as_of_day - purchases.purchase_day > 0

),

totals as (

    select
        as_of_day,
        customer_code,
        count(distinct days_before) as purchase_days,
        count(distinct article_id) as articles_bought,
        min(days_before) as days_since_last_purchase,
        count_if(days_before <= 28) as purchases_4w,
        (max(days_before) - min(days_before)) / nullif(count(distinct days_before) - 1, 0) as mean_gap_days,
        sum(price * quantity) / sum(quantity) as mean_price,
        count_if(sales_channel_id = 2) / count(*) as online_share,

    from earlier_purchases

    group by as_of_day, customer_code

),

articles as (

    select
        as_of_day,
        customer_code,
        article_id,
        cast(min(days_before) as float) as days_since,
        cast(count(*) as float) as purchase_days,

    from earlier_purchases

    group by as_of_day, customer_code, article_id

),

histories as (

    select
        as_of_day,
        customer_code,
        list(article_id order by days_since, article_id)[:{{ var('history_length') }}] as history_article_ids,
        list(days_since order by days_since, article_id)[:{{ var('history_length') }}] as history_days_since,
        list(purchase_days order by days_since, article_id)[:{{ var('history_length') }}] as history_purchase_days,

    from articles

    group by as_of_day, customer_code

)

select
    built.*,
    totals as recomputed_totals,
    histories as recomputed_histories,

from built

left join totals
    on built.as_of_day = totals.as_of_day
    and built.customer_code = totals.customer_code

left join histories
    on built.as_of_day = histories.as_of_day
    and built.customer_code = histories.customer_code

where built.purchase_days != coalesce(totals.purchase_days, 0)
    or built.articles_bought != coalesce(totals.articles_bought, 0)
    or built.days_since_last_purchase is distinct from totals.days_since_last_purchase
    or built.purchases_4w != coalesce(totals.purchases_4w, 0)
    or (built.mean_gap_days is null) != (totals.mean_gap_days is null)
    or abs(built.mean_gap_days - totals.mean_gap_days) > 1e-5 * totals.mean_gap_days
    or (built.mean_price is null) != (totals.mean_price is null)
    or abs(built.mean_price - totals.mean_price) > 1e-5 * totals.mean_price
    or (built.online_share is null) != (totals.online_share is null)
    or abs(built.online_share - totals.online_share) > 1e-5
    or built.history_article_ids != coalesce(histories.history_article_ids, [])
    or built.history_days_since != coalesce(histories.history_days_since, [])
    or built.history_purchase_days != coalesce(histories.history_purchase_days, [])
