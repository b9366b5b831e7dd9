-- A view: the rows are those of int_next_week_purchases.
{{ config(materialized='view') }}

with

next_week_purchases as (

    select * from {{ ref('int_next_week_purchases') }}

)

select * from next_week_purchases
