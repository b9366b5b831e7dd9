{% if var('ranking_weeks') > var('training_weeks') + 1 %}
    {{ exceptions.raise_compiler_error(
        "ranking_weeks is " ~ var('ranking_weeks') ~ ", but only the validation week and " ~ var('training_weeks')
        ~ " training weeks lie before the test week; choose at most " ~ (var('training_weeks') + 1) ~ "."
    ) }}
{% endif %}

with

weeks as (

    select cast(range as integer) as weeks_before_cutoff from range({{ var('training_weeks') }} + 3)

),

final as (

    select
        {{ cutoff() }} - 7 * weeks_before_cutoff as as_of_day,
        weeks_before_cutoff,
        -- Publishing serves everybody. What learns from an earlier week, or is judged by it, needs who bought in it.
        weeks_before_cutoff = 0 as is_for_every_customer,
        weeks_before_cutoff <= 1 + {{ var('ranking_weeks') }} as is_ranked,

    from weeks

)

select * from final
