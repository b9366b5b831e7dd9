{#
    At most 1,000 values of a key, always the same ones: enough for a leakage test to meet every kind of row, few
    enough that it may recompute features the slow way at full volume.
#}
{% macro sample_of(key, relation) -%}
    select {{ key }}

    from {{ relation }}

    group by {{ key }}

    order by hash({{ key }}), {{ key }}

    limit 1000
{%- endmacro %}
