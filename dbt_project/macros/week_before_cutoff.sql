{# Which week before the cutoff a day lies in: 1 is the seven days before it. #}
{% macro week_before_cutoff(day) -%}
    ({{ cutoff() }} - 1 - {{ day }}) // 7 + 1
{%- endmacro %}
