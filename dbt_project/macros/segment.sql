{#
    The segment of a customer: the columns named by the var `segment_columns`, joined with ' / '.
    `channel` is the SQL expression that stands for the channel, because a customer's channel depends on the day. The
    query must have the other columns in a relation named `customers`.
#}
{% macro segment(channel) -%}
    {%- set parts = [] -%}
    {%- for column in var("segment_columns") -%}
        {%- if column == "channel" -%}
            {%- do parts.append(channel) -%}
        {%- elif column in ["age_band", "postal_code"] -%}
            {%- do parts.append('customers.' ~ column) -%}
        {%- else -%}
            {{ exceptions.raise_compiler_error(
                "segment_columns has '" ~ column ~ "'; choose out of age_band, channel and postal_code."
            ) }}
        {%- endif -%}
    {%- endfor -%}
    {{ parts | join(" || ' / ' || ") if parts else "'everyone'" }}
{%- endmacro %}
