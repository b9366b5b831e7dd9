"""What can be wrong with tonight's files, planted one by one: each is told by its rule, and by no other."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from planted_nights import LAST_DAY, ONE_DAY, SETTINGS, THRESHOLDS, night, rules_of, sales, with_day, with_rows
from planted_nights import without_days as without
from test_arrivals_healthy import SHOPS, closed_on_sundays, steady

from data.arrivals.finding import RULES, Reference
from data.arrivals.findings import find

DAYS = 400
TONIGHT = night(sales(steady(300), DAYS))
DAY_BEFORE, A_MONTH_AGO = LAST_DAY - ONE_DAY, LAST_DAY - timedelta(days=30)
YESTERDAY = without(TONIGHT, LAST_DAY)


def text_of(tonight, *earlier, today=None):
    """What the one rule says."""
    references = [Reference(f"run {n}, which is served,", each) for n, each in enumerate(earlier, 1)]
    (found,) = find(tonight, references, today or tonight.last_day + ONE_DAY, THRESHOLDS)
    return found.text


def test_good_files_are_silent():
    assert rules_of(TONIGHT) == rules_of(TONIGHT, YESTERDAY) == rules_of(TONIGHT, TONIGHT) == []


def test_files_that_end_before_what_an_earlier_night_saw_are_older():
    tonight = without(TONIGHT, LAST_DAY, DAY_BEFORE)
    assert rules_of(tonight, TONIGHT) == ["older"]
    assert text_of(tonight, TONIGHT) == (
        "the last purchase is of 2020-09-20, but run 1, which is served, saw purchases up to 2020-09-22; bring the "
        "newer files"
    )


def test_a_night_older_than_the_last_one_is_told_though_the_one_that_is_served_is_older_still():
    served = without(TONIGHT, LAST_DAY, DAY_BEFORE, DAY_BEFORE - ONE_DAY)
    assert rules_of(YESTERDAY, served, TONIGHT) == ["older"]


@pytest.mark.parametrize(("days", "told"), [(1, []), (2, []), (3, ["late"]), (200, ["late"]), (401, [])])
def test_purchases_that_should_have_come_by_now_are_late(days, told):
    assert rules_of(TONIGHT, today=LAST_DAY + timedelta(days=days)) == told


def test_a_night_without_a_newer_day_is_late_where_the_last_one_had_brought_one():
    assert rules_of(TONIGHT, TONIGHT, is_growing=True) == ["late"]
    assert rules_of(TONIGHT, TONIGHT, is_growing=False) == []
    assert rules_of(TONIGHT, YESTERDAY, is_growing=True) == []


def test_a_sunday_on_which_the_shop_is_closed_need_not_bring_a_newer_day():
    saturday = night(sales(closed_on_sundays, DAYS, last_day=date(2020, 9, 19)))
    monday = night(sales(closed_on_sundays, DAYS, last_day=date(2020, 9, 21)))
    assert rules_of(saturday, saturday, is_growing=True) == []
    assert rules_of(monday, monday, is_growing=True) == ["late"]


def test_a_tiny_shop_may_sell_nothing_for_a_day():
    tonight = night(sales(steady(5), DAYS))
    assert rules_of(tonight, tonight, is_growing=True) == []


def test_sundays_of_a_shop_that_is_closed_then_are_not_late():
    tonight = night(sales(closed_on_sundays, DAYS, last_day=date(2020, 9, 19)))  # a Saturday
    assert rules_of(tonight, today=date(2020, 9, 22)) == []  # yesterday alone should have come
    assert text_of(tonight, today=date(2020, 9, 23)).startswith(
        "the last purchase is of 2020-09-19, and today is 2020-09-23: 2020-09-21 to 2020-09-22 should have come"
    )


def test_a_tiny_shop_is_late_once_chance_does_not_explain_it():
    tonight = night(sales(steady(5), DAYS))
    late = [days for days in range(1, 12) if rules_of(tonight, today=tonight.last_day + timedelta(days=days))]
    assert late[0] in (4, 5)


def test_a_day_between_two_that_has_nothing_is_missing():
    tonight = without(TONIGHT, DAY_BEFORE)
    assert rules_of(tonight) == ["missing_day"]
    assert rules_of(tonight, without(YESTERDAY, DAY_BEFORE)) == ["missing_day"]
    assert text_of(tonight).startswith("nothing was bought on 2020-09-21, where about 2")
    assert rules_of(tonight, tonight) == []  # it was told of the night before


def test_a_week_is_missing_in_a_tiny_shop_too_and_a_day_is_not():
    tonight = night(sales(steady(5), DAYS))
    days = [tonight.last_day - n * ONE_DAY for n in range(1, 8)]
    assert rules_of(without(tonight, *days)) == ["missing_day"]
    assert rules_of(without(tonight, days[0])) == []


@pytest.mark.parametrize("shop", ["H&M's size", "a store", "growing", "Christmas peak", "two months old"])
def test_a_day_with_a_twentieth_of_its_rows_is_told_in_every_shop_that_sells_enough(shop):
    rhythm, days, clumpiness = SHOPS[shop]
    whole = sales(rhythm, days, clumpiness=clumpiness)
    few = night(whole | {max(whole): round(whole[max(whole)] / 20)})
    assert rules_of(few) == ["few_rows"]


@pytest.mark.parametrize("shop", ["tiny", "tiny and wild"])
def test_a_shop_that_sells_too_few_for_that_abstains(shop):
    rhythm, days, clumpiness = SHOPS[shop]
    whole = sales(rhythm, days, clumpiness=clumpiness)
    assert rules_of(night(whole | {max(whole): 1})) == []


def test_a_shop_of_a_month_abstains():
    assert rules_of(night(sales(steady(300), 35) | {LAST_DAY: 3})) == []


def test_a_shop_of_three_weeks_is_never_late():
    tonight = night(sales(steady(300), 20))
    assert rules_of(tonight, today=LAST_DAY + timedelta(days=5)) == []


def test_a_channel_that_is_missing_is_told_where_the_other_sold():
    rows = TONIGHT.days[LAST_DAY].rows
    assert rules_of(with_day(TONIGHT, LAST_DAY, channels={"2": rows})) == ["missing_channel"]
    assert text_of(with_day(TONIGHT, LAST_DAY, channels={"2": rows})).startswith(
        "2020-09-22 has 0 purchases of sales channel 1, where about "
    )


def test_a_slow_day_may_lack_a_channel_by_chance():
    tonight = night(sales(steady(60), DAYS) | {LAST_DAY: 15})
    assert rules_of(with_day(tonight, LAST_DAY, channels={"2": 15})) == []


def test_a_day_whose_rows_all_come_in_pairs_came_twice():
    day = TONIGHT.days[LAST_DAY]
    twice = with_day(
        with_rows(TONIGHT, {LAST_DAY: 2 * day.rows}), LAST_DAY, different_rows=day.rows, even_rows=day.rows
    )
    assert rules_of(twice, YESTERDAY) == ["repeated_day"]
    assert rules_of(twice) == ["repeated_day"]
    assert text_of(twice) == "every purchase of 2020-09-22 is there twice; bring each day once"


def test_so_did_the_day_of_a_tiny_shop():
    tonight = night(sales(steady(5), DAYS))
    day = tonight.days[tonight.last_day]
    twice = {"rows": 10, "different_rows": 5, "even_rows": 5}
    assert day.rows and rules_of(with_day(tonight, tonight.last_day, **twice)) == ["repeated_day"]
    assert rules_of(with_day(tonight, tonight.last_day, rows=2, different_rows=1, even_rows=1)) == []


def test_a_shop_that_always_sells_pairs_abstains():
    in_pairs = {day: replace(each, even_rows=each.different_rows) for day, each in TONIGHT.days.items()}
    assert rules_of(replace(TONIGHT, days=in_pairs)) == []


def test_an_old_day_with_twice_the_rows_that_were_seen_came_twice():
    old = TONIGHT.first_day
    tonight = with_rows(TONIGHT, {old: 2 * TONIGHT.rows_by_day[old]})
    assert rules_of(tonight, YESTERDAY) == ["repeated_day", "changed_history"]


def test_half_a_file_has_lost_rows_and_is_older():
    half = sorted(TONIGHT.rows_by_day)[: DAYS // 2]
    tonight = with_rows(TONIGHT, dict.fromkeys(set(TONIGHT.rows_by_day) - {*half}, 0))
    assert rules_of(tonight, YESTERDAY, today=LAST_DAY + ONE_DAY) == ["late", "older", "lost_rows"]


def test_half_a_file_in_another_order_than_that_of_the_days_has_lost_rows():
    half = with_rows(TONIGHT, {day: rows // 2 for day, rows in TONIGHT.rows_by_day.items()})
    assert "lost_rows" in rules_of(half, YESTERDAY)
    assert "older" not in rules_of(half, YESTERDAY)


def test_a_history_that_begins_later_than_new_days_explain_has_lost_rows():
    first_month = sorted(TONIGHT.rows_by_day)[:30]
    assert rules_of(without(TONIGHT, *first_month), YESTERDAY) == ["lost_rows"]


def test_old_days_with_other_rows_are_a_changed_history():
    tonight = with_rows(TONIGHT, {A_MONTH_AGO: TONIGHT.rows_by_day[A_MONTH_AGO] + 150})
    assert rules_of(tonight, YESTERDAY) == ["changed_history"]
    assert text_of(tonight, YESTERDAY) == (
        "2020-08-23 have other purchases than run 1, which is served, saw, 150 more and 0 fewer; if nobody corrected "
        "them, compare the files"
    )


@pytest.mark.parametrize("times", [0.01, 0.3, 4, 100])
def test_a_day_at_other_prices_is_told(times):
    def level(day):
        return times if day == LAST_DAY else 1.0

    tonight = night(TONIGHT.rows_by_day, level)
    assert rules_of(tonight, YESTERDAY) == rules_of(tonight) == ["prices"]
    assert "currency or unit" in text_of(tonight)


def test_prices_that_were_let_in_are_usual_on_the_next_night():
    def level(day):
        return 100.0 if day >= DAY_BEFORE else 1.0

    tonight = night(TONIGHT.rows_by_day, level)
    assert rules_of(tonight, without(TONIGHT, LAST_DAY, DAY_BEFORE)) == ["prices", "prices"]
    assert rules_of(tonight, night(YESTERDAY.rows_by_day, level)) == []


def test_a_whole_file_at_other_prices_is_told():
    tonight = night(TONIGHT.rows_by_day, lambda _: 100.0)
    assert rules_of(tonight, YESTERDAY) == ["prices"]
    assert " are 100 times what run 1, which is served, saw" in text_of(tonight, YESTERDAY)


def test_a_fortnight_of_days_that_were_seen_at_other_prices_is_told():
    def level(day):
        return 100.0 if day > LAST_DAY - timedelta(days=14) else 1.0

    tonight = night(TONIGHT.rows_by_day, level)
    assert rules_of(tonight, YESTERDAY) == ["prices"]
    assert "prices of 2020-09-09 to 2020-09-21 are 100 times" in text_of(tonight, YESTERDAY)


def test_a_few_articles_tell_nothing_of_prices():
    tonight = night(TONIGHT.rows_by_day, lambda day: 100.0 if day == LAST_DAY else 1.0)
    assert rules_of(with_day(tonight, LAST_DAY, compared_articles=7)) == []


def with_categories(profile, file, column, counts):
    categories = {**profile.categories, file: {**profile.categories[file], column: counts}}
    return replace(profile, categories=categories)


def test_a_new_department_is_told_by_name():
    tonight = with_categories(TONIGHT, "articles.csv", "department_name", {"a": 600, "b": 90, "Garden": 310})
    assert rules_of(tonight, YESTERDAY) == ["new_department"]
    assert "did not know: Garden, with 310 articles" in text_of(tonight, YESTERDAY)


def test_a_column_written_in_another_way_has_unseen_values():
    tonight = with_categories(TONIGHT, "customers.csv", "age", {"x.0": 3_000, "y.0": 1_950, "": 50})
    assert rules_of(tonight, YESTERDAY) == ["unseen_values"]
    assert "customers.csv, column age: 99% of the rows have values that" in text_of(tonight, YESTERDAY)
    some = with_categories(TONIGHT, "customers.csv", "age", {"x": 3_000, "y": 1_800, "z": 150, "": 50})
    assert rules_of(some, YESTERDAY) == []


def test_a_few_rows_tell_nothing_of_values():
    before = with_categories(YESTERDAY, "customers.csv", "age", {"x": 9})
    tonight = with_categories(TONIGHT, "customers.csv", "age", {"x": 9, "y": 2})
    assert rules_of(tonight, before) == []


def test_a_column_that_is_not_filled_any_more_has_lost_its_values():
    tonight = with_categories(TONIGHT, "customers.csv", "age", {"x": 1_000, "y": 1_000, "": 3_000})
    assert rules_of(tonight, YESTERDAY) == ["lost_values"]
    assert "column age is empty in 60% of the rows, and was in 1%" in text_of(tonight, YESTERDAY)


def test_a_column_of_more_values_than_a_category_has_is_not_compared():
    without_age = {name: each for name, each in TONIGHT.categories["customers.csv"].items() if name != "age"}
    tonight = replace(TONIGHT, categories={**TONIGHT.categories, "customers.csv": without_age})
    assert rules_of(tonight, YESTERDAY) == rules_of(TONIGHT, tonight) == []


def test_columns_that_came_or_went_are_told():
    file = TONIGHT.files["customers.csv"]
    tonight = {**TONIGHT.files, "customers.csv": replace(file, sha256="other", columns=(*file.columns[:-1], "city"))}
    assert rules_of(replace(TONIGHT, files=tonight), YESTERDAY) == ["columns"]
    assert "customers.csv has no postal_code any more, and city as well" in text_of(
        replace(TONIGHT, files=tonight), YESTERDAY
    )


def test_the_same_file_read_in_another_way_has_the_columns_that_it_had():
    file = TONIGHT.files["customers.csv"]
    copied = {**TONIGHT.files, "customers.csv": replace(file, columns=file.columns[:-1])}
    assert rules_of(replace(TONIGHT, files=copied), TONIGHT) == []


def test_a_few_ids_tell_nothing_of_formats():
    before = replace(TONIGHT, id_formats={**TONIGHT.id_formats, "customer_id": {"3 characters": 4}})
    tonight = replace(TONIGHT, id_formats={**TONIGHT.id_formats, "customer_id": {"3 characters": 4, "5 characters": 5}})
    assert rules_of(tonight, before) == []


def test_ids_in_another_format_are_told():
    formats = {**TONIGHT.id_formats, "customer_id": {"36 characters": 4_000, "64 hexadecimal digits": 1_000}}
    assert rules_of(replace(TONIGHT, id_formats=formats), YESTERDAY) == ["id_format"]
    assert "80% of the ids have 36 characters, where run 1, which is served, saw 64 hexadecimal digits" in text_of(
        replace(TONIGHT, id_formats=formats), YESTERDAY
    )


def test_numbers_that_grow_by_a_digit_are_the_same_format_for_long():
    before = replace(TONIGHT, id_formats={**TONIGHT.id_formats, "customer_id": {"4 digits": 5_000}})
    tonight = replace(TONIGHT, id_formats={**TONIGHT.id_formats, "customer_id": {"4 digits": 5_000, "5 digits": 40}})
    assert rules_of(tonight, before) == []


@pytest.mark.parametrize(("name", "rows"), [("customers", 4_400), ("articles", 880)])
def test_a_file_with_many_ids_fewer_is_told(name, rows):
    assert rules_of(replace(TONIGHT, **{name: rows}), YESTERDAY) == ["lost_ids"]
    assert f"{name}.csv has {rows:,} rows, " in text_of(replace(TONIGHT, **{name: rows}), YESTERDAY)


def test_a_day_in_two_files_is_told_as_it_was_found():
    (found,) = find(TONIGHT, [], LAST_DAY + ONE_DAY, THRESHOLDS, ["2020-09-22 is in a.csv and in b.csv"])
    assert (found.rule, found.text) == ("day_in_two_files", "2020-09-22 is in a.csv and in b.csv")


def test_what_two_nights_tell_is_told_once():
    tonight = without(TONIGHT, LAST_DAY, DAY_BEFORE)
    assert rules_of(tonight, TONIGHT, YESTERDAY) == ["older"]


def test_a_profile_comes_back_from_its_json():
    import json

    from data.arrivals.profile import FilesProfile

    assert FilesProfile.from_dict(json.loads(json.dumps(TONIGHT.as_dict()))) == TONIGHT


def test_every_stop_of_the_settings_is_a_rule():
    assert set(SETTINGS["stops"]) <= set(RULES)
