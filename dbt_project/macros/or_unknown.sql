{# A text attribute with 'unknown' where the raw file has nothing. #}
{% macro or_unknown(column) -%}
    coalesce(nullif(trim({{ column }}), ''), 'unknown')
{%- endmacro %}
