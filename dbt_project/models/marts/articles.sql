with

articles as (

    select * from {{ ref('stg_articles') }}

)

select * from articles
