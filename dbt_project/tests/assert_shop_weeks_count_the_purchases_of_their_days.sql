-- A week has the purchases of the seven days from its first one, found by the days themselves.

with

days as (

    select purchase_day, count(*) as purchases, from {{ ref('int_purchases') }} group by purchase_day

),

counted as (

    select
        weeks.week_start,
        count(days.purchase_day) as selling_days,
        coalesce(sum(days.purchases), 0) as purchases,

    from {{ ref('shop_weeks') }} as weeks

    left join days
        on days.purchase_day between weeks.week_start and weeks.week_start + 6

    group by weeks.week_start

)

select
    weeks.week_start,
    weeks.purchases,
    counted.purchases as purchases_of_its_days,

from {{ ref('shop_weeks') }} as weeks

inner join counted using (week_start)

where weeks.purchases != counted.purchases or weeks.selling_days != counted.selling_days
