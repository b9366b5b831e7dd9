-- Collapsing duplicates keeps every unit: the quantities add up to the lines of the file before the cutoff.

with

lines as (

    select count(*) as units from {{ ref('stg_transactions') }}

),

purchases as (

    select coalesce(sum(quantity), 0) as units from {{ ref('purchases') }}

)

select
    lines.units as units_in_the_file,
    purchases.units as units_in_purchases,

from lines

cross join purchases

where lines.units != purchases.units
