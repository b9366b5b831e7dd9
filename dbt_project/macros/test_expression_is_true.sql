{# Fails on every row for which the expression is false or null: the test of arithmetic between columns. #}
{% test expression_is_true(model, expression) %}

select *

from {{ model }}

where ({{ expression }}) is not true

{% endtest %}
