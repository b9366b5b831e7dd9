{# The first day that nothing may see. #}
{% macro cutoff() -%}
    cast('{{ var("cutoff") }}' as date)
{%- endmacro %}
