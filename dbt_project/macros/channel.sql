{#
    The channel of a customer, from the SQL expression of the share of earlier purchases made online: null without any.
#}
{% macro channel(online_share) -%}
    case
        when {{ online_share }} is null then 'any channel'
        when {{ online_share }} >= 0.5 then 'online'
        else 'store'
    end
{%- endmacro %}
