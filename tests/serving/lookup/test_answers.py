"""How old an answer is, in seconds and in words."""

from datetime import UTC, datetime

import pytest

from serving.lookup.answers import age_seconds, format_age


def test_age_is_in_whole_seconds_and_never_negative():
    now = datetime(2020, 9, 25, 2, 15, 30, 900_000, tzinfo=UTC)
    assert age_seconds("2020-09-25T02:15:00+00:00", now) == 30
    assert age_seconds("2020-09-25T02:15:00+02:00", now) == 30 + 2 * 3600
    assert age_seconds("2020-09-25T02:16:00+00:00", now) == 0  # made by a clock that runs ahead


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(0, "0 seconds"), (42, "42 seconds"), (3 * 60 + 1, "3 minutes"), (3 * 3600, "3 hours"), (49 * 3600, "2 days")],
)
def test_age_in_words_is_in_the_largest_whole_unit(seconds, age):
    assert format_age(seconds) == age
