with

weeks as (

    select cast(range as integer) as weeks_before_cutoff from range({{ var('training_weeks') }} + 3)

),

final as (

    select
        {{ cutoff() }} - 7 * weeks_before_cutoff as as_of_day,
        weeks_before_cutoff,
        -- Publishing, test and validation serve everybody; a training week only needs those who bought in it.
        weeks_before_cutoff <= 2 as is_for_every_customer,

    from weeks

)

select * from final
