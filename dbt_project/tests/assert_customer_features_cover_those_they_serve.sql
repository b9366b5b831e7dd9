-- The publishing day has every customer; an earlier day has exactly the customers with a target.

with

served as (

    select
        as_of_days.as_of_day,
        customers.customer_code,

    from {{ ref('int_as_of_days') }} as as_of_days

    cross join {{ ref('customers') }} as customers

    where as_of_days.is_for_every_customer

    union

    select as_of_day, customer_code from {{ ref('next_week_purchases') }}

),

features as (

    select as_of_day, customer_code from {{ ref('customer_features') }}

)

(select 'missing' as problem, * from served except select 'missing' as problem, * from features)

union all

(select 'not served' as problem, * from features except select 'not served' as problem, * from served)
