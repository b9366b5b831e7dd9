with

source as (

    select * from {{ source('raw', 'articles') }}

),

renamed as (

    select
        -- keys
        article_id,
        {{ or_unknown('product_code') }} as product_code,

        -- attributes
        {{ or_unknown('prod_name') }} as product_name,
        {{ or_unknown('product_type_name') }} as product_type,
        {{ or_unknown('product_group_name') }} as product_group,
        {{ or_unknown('graphical_appearance_name') }} as graphical_appearance,
        {{ or_unknown('colour_group_name') }} as colour_group,
        {{ or_unknown('perceived_colour_value_name') }} as perceived_colour_value,
        {{ or_unknown('perceived_colour_master_name') }} as perceived_colour_master,
        {{ or_unknown('department_name') }} as department,
        {{ or_unknown('index_name') }} as index_name,
        {{ or_unknown('index_group_name') }} as index_group,
        {{ or_unknown('section_name') }} as section,
        {{ or_unknown('garment_group_name') }} as garment_group,

        -- for people, not for models
        coalesce(trim(detail_desc), '') as description,

    from source

)

select * from renamed
