-- No own article knows a purchase on or after its as-of day, and none of those that belong there is missing. Every row
-- is made again from the purchases that lie before the day, one grouping for each as-of day, and compared.

with

sampled_customers as (

    {{ sample_of('customer_code', ref('customers')) }}

),

purchases as (

    select purchases.* from {{ ref('purchases') }} as purchases

    inner join sampled_customers using (customer_code)

),

ranked_days as (

    select
        as_of_day,
        weeks_before_cutoff = 0 as is_publishing,

    from {{ ref('int_as_of_days') }}

    where is_ranked

),

ranked_customers as (

    select distinct
        ranked_days.as_of_day,
        purchases.customer_code,

    from purchases

    inner join ranked_days
        on ranked_days.is_publishing
        or purchases.purchase_day - ranked_days.as_of_day between 0 and 6

),

articles_sold as (

    select distinct
        ranked_days.as_of_day,
        article_days.article_id,

    from {{ ref('int_article_days') }} as article_days

    inner join ranked_days
        on ranked_days.as_of_day - article_days.purchase_day between 1 and {{ var('described_days') }}

    where article_days.article_id in (select article_id from purchases)

),

earlier_purchases as (

    select
        as_of_day,
        customer_code,
        article_id,
        count(distinct purchase_day) as purchase_days,
        sum(quantity) as units,
        max(as_of_day - purchase_day) as first_days_since,
        min(as_of_day - purchase_day) as days_since,

    from ranked_customers

    inner join purchases using (customer_code)

    where purchase_day < as_of_day

    group by as_of_day, customer_code, article_id

),

-- Every article of the customer counts in the share, those no longer sold too.
with_shares as (

    select
        *,
        purchase_days / sum(purchase_days) over (partition by as_of_day, customer_code) as share_of_purchases,
        (first_days_since - days_since) / nullif(purchase_days - 1, 0) as mean_interval_days,

    from earlier_purchases

),

recomputed as (

    select * from with_shares

    inner join articles_sold using (as_of_day, article_id)

),

built as (

    select own_articles.* from {{ ref('own_articles') }} as own_articles

    inner join sampled_customers using (customer_code)

)

select
    as_of_day,
    customer_code,
    article_id,
    built as built_features,
    recomputed as recomputed_features,

from built

full join recomputed using (as_of_day, customer_code, article_id)

where built.purchase_days is distinct from recomputed.purchase_days
    or built.units is distinct from recomputed.units
    or built.first_days_since is distinct from recomputed.first_days_since
    or built.days_since is distinct from recomputed.days_since
    or (built.mean_interval_days is null) != (recomputed.mean_interval_days is null)
    or abs(built.mean_interval_days - recomputed.mean_interval_days) > 1e-5 * recomputed.mean_interval_days
    or (abs(built.share_of_purchases - recomputed.share_of_purchases) <= 1e-5) is not true
