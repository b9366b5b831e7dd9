"""Marts into tensors with the real NVTabular: what is fitted on what, and what a code means."""

from dataclasses import fields

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
from small_shop import ON_SALE_DAYS

from recommender.columns import Columns
from recommender.features.catalogue import Catalogue
from recommender.features.feature_workflow import FeatureWorkflows, fit_workflows, transform
from recommender.features.model_inputs import ModelInputs, UnreadableInputs, candidate_rows, encode, encode_marts
from recommender.features.snapshots import QuerySnapshot

UNKNOWN_CODE = 2


@pytest.fixture(scope="module")
def articles(demo_marts):
    return candidate_rows(demo_marts.table("article_features"), demo_marts.table("articles"))


@pytest.fixture(scope="module")
def customers(demo_marts):
    return demo_marts.table("customer_features")


@pytest.fixture(scope="module")
def targets(demo_marts):
    return demo_marts.table("next_week_purchases")


def encoded(workflows, articles, customers, scratch_dir):
    return transform(workflows.candidate, articles, scratch_dir), transform(workflows.query, customers, scratch_dir)


def test_what_is_fitted_does_not_change_with_what_happens_later(articles, customers, demo_windows, tmp_path):
    fit_before = demo_windows.validation_as_of_day
    as_of_day = pc.field(Columns.AS_OF_DAY)
    known = articles.filter(as_of_day <= fit_before), customers.filter(as_of_day < fit_before)
    from_all = encoded(fit_workflows(articles, customers, fit_before, tmp_path / "all"), *known, tmp_path)
    from_known = encoded(fit_workflows(*known, fit_before, tmp_path / "known"), *known, tmp_path)
    for one, other in zip(from_all, from_known, strict=True):
        assert one.equals(other)


def test_the_guard_above_would_notice_a_later_fit(articles, customers, demo_windows, tmp_path):
    early, late = (
        fit_workflows(articles, customers, fit_before, tmp_path / str(fit_before))
        for fit_before in (demo_windows.validation_as_of_day, demo_windows.cutoff)
    )
    early_numbers, late_numbers = (
        transform(workflows.candidate, articles.slice(0, 50), tmp_path)[list(Columns.ARTICLE_NUMBERS)].to_numpy()
        for workflows in (early, late)
    )
    assert not np.allclose(early_numbers, late_numbers)


def test_an_article_has_one_code_as_candidate_and_in_histories(articles, customers, model_inputs, demo_windows):
    day = demo_windows.validation_as_of_day
    of_the_day = articles.filter(pc.field(Columns.AS_OF_DAY) == day)[Columns.ARTICLE_ID].to_pylist()
    code_of = dict(zip(of_the_day, model_inputs.candidates[day].codes[:, 0].tolist(), strict=True))
    queries = model_inputs.queries[day]
    histories = customers.filter(pc.field(Columns.AS_OF_DAY) == day).sort_by(Columns.CUSTOMER_CODE)
    bought = histories[Columns.HISTORY_ARTICLE_IDS].combine_chunks().flatten().to_pylist()
    assert queries.history_codes.tolist() == [code_of[article] for article in bought]
    assert min(code_of.values()) > UNKNOWN_CODE


def test_an_article_first_sold_in_the_validation_week_is_unknown_but_keeps_its_attributes(
    articles, model_inputs, demo_windows
):
    def sold_before(day):
        return set(articles.filter(pc.field(Columns.AS_OF_DAY) == day)[Columns.ARTICLE_ID].to_pylist())

    new = sold_before(demo_windows.test_as_of_day) - sold_before(demo_windows.validation_as_of_day)
    assert new, "the generated shop must launch articles every week"
    snapshot = model_inputs.candidates[demo_windows.test_as_of_day]
    is_new = np.isin(snapshot.positions, model_inputs.catalogue.positions_of(pa.array(sorted(new))))
    assert (snapshot.codes[is_new, 0] == UNKNOWN_CODE).all()
    assert (snapshot.codes[~is_new, 0] > UNKNOWN_CODE).all()
    assert (snapshot.codes[is_new, 1:] > UNKNOWN_CODE).any()


def test_the_history_stays_a_list_of_its_own_length(customers, model_inputs):
    for day, queries in model_inputs.queries.items():
        of_the_day = customers.filter(pc.field(Columns.AS_OF_DAY) == day).sort_by(Columns.CUSTOMER_CODE)
        lengths = pc.list_value_length(of_the_day[Columns.HISTORY_ARTICLE_IDS]).to_numpy()
        assert queries.history_offsets.diff().tolist() == lengths.tolist()
        assert queries.customers.tolist() == of_the_day[Columns.CUSTOMER_CODE].to_pylist()


def test_a_history_that_is_no_list_is_refused(customers, evaluated_folder, tmp_path):
    as_text = customers.slice(0, 5)
    for name in (Columns.HISTORY_ARTICLE_IDS, *Columns.HISTORY_NUMBERS):
        kind = pa.string() if name == Columns.HISTORY_ARTICLE_IDS else pa.float32()
        as_text = as_text.set_column(
            as_text.column_names.index(name), name, pa.nulls(5, kind).fill_null(pa.scalar(1).cast(kind))
        )
    with pytest.raises(ValueError, match="must hold one list per customer"):
        transform(FeatureWorkflows.load(evaluated_folder).query, as_text, tmp_path)


def test_the_truth_is_what_was_bought_in_the_week(targets, model_inputs, demo_windows):
    day = demo_windows.test_as_of_day
    truth = model_inputs.truths[day]
    owner = np.repeat(model_inputs.queries[day].customers, truth.sizes())
    encoded_pairs = set(zip(owner, model_inputs.catalogue.article_ids[truth.values], strict=True))
    week = targets.filter(pc.field(Columns.AS_OF_DAY) == day)
    assert encoded_pairs == set(
        zip(week[Columns.CUSTOMER_CODE].to_pylist(), week[Columns.ARTICLE_ID].to_pylist(), strict=True)
    )


def test_nobody_knows_what_is_bought_from_the_publishing_day_on(model_inputs, demo_windows):
    truth = model_inputs.truths[demo_windows.cutoff]
    assert truth.sizes().tolist() == [0] * len(model_inputs.queries[demo_windows.cutoff])


def test_nothing_of_a_snapshot_depends_on_what_is_bought_in_the_week(
    articles, customers, targets, evaluated_folder, model_inputs, tmp_path
):
    """Everything that scores reads snapshots: what is not in them cannot leak into a list."""
    workflows, catalogue = FeatureWorkflows.load(evaluated_folder), model_inputs.catalogue
    blind = encode(workflows, articles, customers, targets.slice(0, 0), catalogue, ON_SALE_DAYS, tmp_path)
    assert sum(len(truth.values) for truth in model_inputs.truths.values()) == targets.num_rows
    assert not any(len(truth.values) for truth in blind.truths.values())
    for day, snapshot in model_inputs.queries.items():
        assert vars(blind.queries[day]).keys() == vars(snapshot).keys()
        for name, value in vars(snapshot).items():
            np.testing.assert_array_equal(vars(blind.queries[day])[name], value, name)


def as_pickled(snapshot, truth, customer_ids) -> QuerySnapshot:
    """A snapshot as an earlier release pickled it: with ids, and with what is bought in the week."""
    earlier = object.__new__(QuerySnapshot)
    targets = {"target_positions": torch.from_numpy(truth.values), "target_offsets": torch.from_numpy(truth.offsets)}
    vars(earlier).update({**vars(snapshot), **targets, "customer_ids": customer_ids[snapshot.customers]})
    del vars(earlier)["customers"]
    return earlier


def test_a_file_that_kept_the_truth_inside_the_snapshots_is_read_without_it(
    model_inputs, demo_marts, demo_windows, tmp_path
):
    """A run of an earlier release is explained by the inputs that it left."""
    days = demo_windows.training_as_of_days[-1], demo_windows.cutoff
    queries = {day: model_inputs.queries[day] for day in days}
    kept, ids = object.__new__(ModelInputs), demo_marts.customer_ids()
    earlier = {day: as_pickled(each, model_inputs.truths[day], ids) for day, each in queries.items()}
    vars(kept).update({**vars(model_inputs), "queries": earlier})
    del vars(kept)["truths"]
    torch.save(kept, tmp_path / "model_inputs.pt")
    assert b"target_positions" in (tmp_path / "model_inputs.pt").read_bytes()
    read = ModelInputs.load(tmp_path / "model_inputs.pt")
    assert read.truths == {}
    for day, snapshot in queries.items():
        assert vars(read.queries[day]).keys() == {field.name for field in fields(QuerySnapshot)}
        for name, value in vars(snapshot).items():
            np.testing.assert_array_equal(vars(read.queries[day])[name], value, name)
    np.testing.assert_array_equal(read.catalogue.article_ids, model_inputs.catalogue.article_ids)


def test_loaded_workflows_encode_as_the_fitted_ones_did(
    articles, customers, targets, evaluated_folder, model_inputs, tmp_path
):
    workflows, catalogue = FeatureWorkflows.load(evaluated_folder), model_inputs.catalogue
    again = encode(workflows, articles, customers, targets, catalogue, ON_SALE_DAYS, tmp_path)
    for day, snapshot in model_inputs.candidates.items():
        assert torch.equal(again.candidates[day].codes, snapshot.codes)
        assert torch.equal(again.candidates[day].numbers, snapshot.numbers)
    for day, snapshot in model_inputs.queries.items():
        assert torch.equal(again.queries[day].history_codes, snapshot.history_codes)
        assert torch.equal(again.queries[day].numbers, snapshot.numbers)


def test_the_file_gives_back_what_was_saved(model_inputs, tmp_path):
    model_inputs.save(tmp_path / "inputs.pt")
    again = ModelInputs.load(tmp_path / "inputs.pt")
    assert again.catalogue.article_ids.tolist() == model_inputs.catalogue.article_ids.tolist()
    assert (again.candidate_schema, again.query_schema) == (model_inputs.candidate_schema, model_inputs.query_schema)
    for day, truth in model_inputs.truths.items():
        np.testing.assert_array_equal(again.truths[day].values, truth.values)
        np.testing.assert_array_equal(again.truths[day].offsets, truth.offsets)
    for one, other in ((again.candidates, model_inputs.candidates), (again.queries, model_inputs.queries)):
        assert list(one) == list(other)
        for day, snapshot in other.items():
            for name, value in vars(snapshot).items():
                read = getattr(one[day], name)
                assert type(read) is type(value)
                assert read == value if name == "as_of_day" else (read.dtype == value.dtype and (read == value).all())


def test_the_file_names_no_class_that_a_later_release_may_move(evaluated_folder):
    plain = torch.load(evaluated_folder / "model_inputs.pt", weights_only=True)
    assert {type(plain)} | {type(each) for part in ("candidates", "queries") for each in plain[part]} == {dict}


class Stranger:
    """A class that no release kept."""


@pytest.mark.parametrize("content", [{"article_ids": "[]"}, Stranger()], ids=["half of it", "a strange class"])
def test_what_another_release_kept_otherwise_is_named(content, tmp_path):
    torch.save(content, tmp_path / "inputs.pt")
    with pytest.raises(UnreadableInputs, match=r"inputs\.pt was written by another release"):
        ModelInputs.load(tmp_path / "inputs.pt")


def test_only_the_days_asked_for_are_encoded_and_positions_stay(
    model_inputs, evaluated_folder, demo_marts, demo_windows, tmp_path
):
    fit_before = demo_windows.validation_as_of_day
    days = [*demo_windows.known_before(fit_before), fit_before]
    some = encode_marts(demo_marts, fit_before, ON_SALE_DAYS, tmp_path, as_of_days=days)
    assert list(some.queries) == list(some.candidates) == days
    assert some.catalogue.article_ids.tolist() == model_inputs.catalogue.article_ids.tolist()
    for day in days:
        assert torch.equal(some.candidates[day].positions, model_inputs.candidates[day].positions)
        assert torch.equal(some.candidates[day].numbers, model_inputs.candidates[day].numbers)
        assert torch.equal(some.queries[day].numbers, model_inputs.queries[day].numbers)
        np.testing.assert_array_equal(some.truths[day].values, model_inputs.truths[day].values)
        np.testing.assert_array_equal(some.truths[day].offsets, model_inputs.truths[day].offsets)


def test_encoding_leaves_the_workflows_and_no_scratch(evaluated_folder):
    assert FeatureWorkflows.load(evaluated_folder).candidate.output_schema.column_names
    assert not (evaluated_folder / "scratch").exists()


def test_the_catalogue_is_every_article_of_every_day(articles, demo_marts):
    expected = sorted(set(articles[Columns.ARTICLE_ID].to_pylist()))
    assert demo_marts.catalogue().article_ids.tolist() == expected


def test_nothing_known_before_the_cutoff_is_an_error(articles, customers, demo_windows, tmp_path):
    with pytest.raises(ValueError, match="no article snapshot lies before 1999-01-01"):
        fit_workflows(articles, customers, demo_windows.cutoff.replace(year=1999, month=1, day=1), tmp_path)


def test_a_position_is_a_row_of_the_sorted_ids():
    catalogue = Catalogue.of(pa.chunked_array([["0300", "0100", "0300", "0200"]]))
    assert catalogue.article_ids.tolist() == ["0100", "0200", "0300"]
    assert catalogue.positions_of(pa.array(["0300", "0100"])).tolist() == [2, 0]


def test_an_article_that_was_never_sold_is_no_position():
    with pytest.raises(KeyError, match="article 0900 was never sold"):
        Catalogue.of(pa.chunked_array([["0100"]])).positions_of(pa.array(["0900"]))
