"""Marts into tensors with the real NVTabular: what is fitted on what, what a code means, and what a file gives back."""

import json
import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch
from small_shop import ON_SALE_DAYS

from recommender.columns import Columns
from recommender.features import feature_workflow, marts
from recommender.features.catalogue import Catalogue
from recommender.features.encoding import INPUTS, QUERY_COLUMNS, candidate_rows, encode_marts, encode_queries
from recommender.features.feature_workflow import FeatureWorkflows, fit_workflows, transform, write_parts
from recommender.features.model_inputs import ModelInputs, UnreadableInputs, keep_days
from recommender.features.schema_text import schema_as_text
from recommender.features.snapshots import QuerySnapshot

UNKNOWN_CODE = 2


@pytest.fixture(scope="module")
def articles(demo_marts, demo_windows):
    return pa.concat_tables([candidate_rows(demo_marts, day) for day in demo_windows.as_of_days])


@pytest.fixture(scope="module")
def customers(demo_marts):
    return demo_marts.table("customer_features")


@pytest.fixture(scope="module")
def targets(demo_marts):
    return demo_marts.table("next_week_purchases")


def encoded(workflows, articles, customers):
    return transform(workflows.candidate, articles), transform(workflows.query, customers)


def test_what_is_fitted_does_not_change_with_what_happens_later(articles, customers, demo_windows, tmp_path):
    fit_before = demo_windows.validation_as_of_day
    as_of_day = pc.field(Columns.AS_OF_DAY)
    known = articles.filter(as_of_day <= fit_before), customers.filter(as_of_day < fit_before)
    from_all = encoded(fit_workflows([articles], [customers], fit_before, tmp_path / "all"), *known)
    from_known = encoded(fit_workflows(*([rows] for rows in known), fit_before, tmp_path / "known"), *known)
    for one, other in zip(from_all, from_known, strict=True):
        assert one.equals(other)


def test_the_guard_above_would_notice_a_later_fit(articles, customers, demo_windows, tmp_path):
    early, late = (
        fit_workflows([articles], [customers], fit_before, tmp_path / str(fit_before))
        for fit_before in (demo_windows.validation_as_of_day, demo_windows.cutoff)
    )
    early_numbers, late_numbers = (
        transform(workflows.candidate, articles.slice(0, 50))[list(Columns.ARTICLE_NUMBERS)].to_numpy()
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


def test_a_history_that_is_no_list_is_refused(customers, evaluated_folder):
    as_text = customers.slice(0, 5)
    for name in (Columns.HISTORY_ARTICLE_IDS, *Columns.HISTORY_NUMBERS):
        kind = pa.string() if name == Columns.HISTORY_ARTICLE_IDS else pa.float32()
        as_text = as_text.set_column(
            as_text.column_names.index(name), name, pa.nulls(5, kind).fill_null(pa.scalar(1).cast(kind))
        )
    with pytest.raises(ValueError, match="must hold one list per customer"):
        transform(FeatureWorkflows.load(evaluated_folder).query, as_text)


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
    demo_marts, demo_windows, model_inputs, targets, monkeypatch, tmp_path
):
    """Everything that scores reads snapshots: what is not in them cannot leak into a list."""
    monkeypatch.setattr(marts.Marts, "bought_in_week", lambda *_: targets.slice(0, 0))
    day, days = demo_windows.validation_as_of_day, demo_windows.as_of_days
    blind = encode_marts(demo_marts, day, ON_SALE_DAYS, tmp_path, days)
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
    read = ModelInputs.load(tmp_path / INPUTS)
    assert read.truths == {}
    for day, snapshot in queries.items():
        assert vars(read.queries[day]).keys() == {field.name for field in fields(QuerySnapshot)}
        for name, value in vars(snapshot).items():
            np.testing.assert_array_equal(vars(read.queries[day])[name], value, name)
    np.testing.assert_array_equal(read.catalogue.article_ids, model_inputs.catalogue.article_ids)


def test_a_file_of_tensors_and_texts_for_all_days_is_read(model_inputs, demo_marts, demo_windows, tmp_path):
    """As releases wrote it before each day had a file: customers by their ids, everybody on the newest day."""
    days, ids = (demo_windows.test_as_of_day, demo_windows.cutoff), demo_marts.customer_ids()
    queries = [model_inputs.queries[day].as_plain() for day in days]
    for plain in queries:
        plain["customer_ids"] = json.dumps(ids[plain.pop("customers").numpy()].tolist())
    kept = {
        "article_ids": json.dumps(model_inputs.catalogue.article_ids.tolist()),
        "candidates": [model_inputs.candidates[day].as_plain() for day in days],
        "queries": queries,
        "truths": {},
        "candidate_schema": schema_as_text(model_inputs.candidate_schema),
        "query_schema": schema_as_text(model_inputs.query_schema),
    }
    torch.save(kept, tmp_path / "model_inputs.pt")
    read = ModelInputs.load(tmp_path / INPUTS)
    for day in days:
        same(read.queries[day], model_inputs.queries[day])
        same(read.candidates[day], model_inputs.candidates[day])
    np.testing.assert_array_equal(read.catalogue.article_ids, model_inputs.catalogue.article_ids)
    assert read.candidate_schema == model_inputs.candidate_schema
    assert read.query_schema == model_inputs.query_schema


def same(one, other) -> None:
    """Check that two snapshots of one kind are equal in every field and its type."""
    assert type(one) is type(other)
    for name, value in vars(other).items():
        read = vars(one)[name]
        assert type(read) is type(value), name
        if name == "as_of_day":
            assert read == value
        else:
            assert read.dtype == value.dtype and read.shape == value.shape, name
            np.testing.assert_array_equal(read, value, name)


def test_loaded_workflows_encode_as_the_fitted_ones_did(evaluated_folder, demo_marts, model_inputs):
    workflows = FeatureWorkflows.load(evaluated_folder)
    for day, snapshot in model_inputs.queries.items():
        same(encode_queries(workflows.query, day, demo_marts.customer_blocks(day, QUERY_COLUMNS)), snapshot)


@pytest.mark.parametrize("rows_per_block", [1, 7, 100_000])
def test_customers_are_encoded_alike_in_blocks_of_any_size(
    evaluated_folder, demo_marts, model_inputs, demo_windows, monkeypatch, rows_per_block
):
    day, query = demo_windows.cutoff, FeatureWorkflows.load(evaluated_folder).query
    some = np.arange(0, len(demo_marts.customer_ids()), 29)
    monkeypatch.setattr(marts, "ROWS_PER_BLOCK", rows_per_block)
    blocks = list(demo_marts.customer_blocks(day, QUERY_COLUMNS, some))
    assert max(block.num_rows for block in blocks) <= rows_per_block
    same(encode_queries(query, day, blocks), model_inputs.queries[day].take(torch.from_numpy(some)))


def test_a_day_without_customers_has_an_empty_snapshot(evaluated_folder, demo_windows):
    nobody = encode_queries(FeatureWorkflows.load(evaluated_folder).query, demo_windows.cutoff, [])
    assert (len(nobody), nobody.has_history().tolist(), nobody.history_offsets.tolist()) == (0, [], [0])


def test_some_days_can_have_some_customers(model_inputs, demo_marts, demo_windows, tmp_path):
    """They are encoded as among everybody: what is fitted knows nothing of the choice."""
    fit_before, day, some = demo_windows.validation_as_of_day, demo_windows.cutoff, np.array([3, 500])
    days = [*demo_windows.known_before(fit_before), fit_before, day]
    inputs = encode_marts(demo_marts, fit_before, ON_SALE_DAYS, tmp_path, days, {day: some})
    same(inputs.queries[day], model_inputs.queries[day].take(torch.from_numpy(some)))
    same(inputs.queries[fit_before], model_inputs.queries[fit_before])


def test_parts_are_as_large_as_asked_for_and_lose_no_row(tmp_path):
    numbers = [pa.array(range(first, first + size), pa.int64()) for first, size in ((0, 3), (3, 0), (3, 4), (7, 2))]
    tables = [pa.table({"n": each}) for each in numbers]
    assert write_parts(tables, tmp_path / "parts.parquet", rows_per_part=4) == 9
    file = pq.ParquetFile(tmp_path / "parts.parquet")
    assert [file.metadata.row_group(part).num_rows for part in range(file.num_row_groups)] == [7, 2]
    assert file.read()["n"].to_pylist() == list(range(9))
    assert write_parts(iter([]), tmp_path / "none.parquet", 4) == 0
    assert write_parts(tables[1:2], tmp_path / "none.parquet", 4) == 0


def test_a_fit_in_parts_is_that_of_the_whole(articles, customers, demo_windows, monkeypatch, tmp_path):
    """Sums may differ in their last digit."""
    fit_before = demo_windows.cutoff
    whole = encoded(fit_workflows([articles], [customers], fit_before, tmp_path / "whole"), articles, customers)
    pieces = ([rows.slice(at, 100) for at in range(0, len(rows), 100)] for rows in (articles, customers))
    monkeypatch.setattr(feature_workflow, "ROWS_PER_PART", 150)
    parts = encoded(fit_workflows(*pieces, fit_before, tmp_path / "parts"), articles, customers)
    codes = (Columns.ARTICLE_ID, *Columns.ARTICLE_ATTRIBUTES), Columns.CUSTOMER_CATEGORIES
    numbers = Columns.ARTICLE_NUMBERS, Columns.CUSTOMER_NUMBERS
    for one, other, exact, close in zip(parts, whole, codes, numbers, strict=True):
        assert one[list(exact)].equals(other[list(exact)])
        np.testing.assert_allclose(one[list(close)], other[list(close)], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rows_per_part", [1, 1_000_000], ids=["some parts", "the whole"])
def test_a_fit_on_customers_who_never_bought_before_encodes_those_who_did(
    articles, customers, demo_windows, monkeypatch, tmp_path, rows_per_part
):
    monkeypatch.setattr(feature_workflow, "ROWS_PER_PART", rows_per_part)
    is_new = pc.equal(pc.list_value_length(customers[Columns.HISTORY_ARTICLE_IDS]), 0)
    new, others = customers.filter(is_new), customers.filter(pc.invert(is_new)).slice(0, 20)
    parts = [new] if rows_per_part > 1 else [new, others]
    query = fit_workflows([articles], parts, demo_windows.cutoff, tmp_path).query
    encoded = encode_queries(query, demo_windows.cutoff, [others])
    assert (
        encoded.history_offsets.diff().tolist() == pc.list_value_length(others[Columns.HISTORY_ARTICLE_IDS]).to_pylist()
    )
    assert encoded.history_codes.min() > UNKNOWN_CODE


def test_the_files_name_no_class_that_a_later_release_may_move(evaluated_folder, demo_windows):
    for name in (demo_windows.cutoff, "all_days"):
        plain = torch.load(evaluated_folder / INPUTS / f"{name}.pt", weights_only=True)
        parts = [part for part in plain.values() if isinstance(part, dict)]
        assert type(plain) is dict
        kinds = {type(value) for part in (plain, *parts) for value in part.values()}
        assert kinds <= {dict, list, str, torch.Tensor}


def test_days_that_are_not_kept_are_gone(evaluated_folder, model_inputs, demo_windows, tmp_path):
    folder = shutil.copytree(evaluated_folder / INPUTS, tmp_path / INPUTS)
    keep_days(folder, [demo_windows.test_as_of_day])
    again = ModelInputs.load(folder)
    assert list(again.queries) == list(again.candidates) == list(again.truths) == [demo_windows.test_as_of_day]
    same(again.queries[demo_windows.test_as_of_day], model_inputs.queries[demo_windows.test_as_of_day])
    assert len(list(folder.iterdir())) == 2


def test_a_disk_that_is_full_half_way_leaves_the_inputs_that_were_there(
    evaluated_folder, model_inputs, demo_windows, tmp_path, monkeypatch
):
    def half(kept, path):
        Path(path).write_bytes(b"PK")
        raise OSError(28, "No space left on device")

    folder = shutil.copytree(evaluated_folder / INPUTS, tmp_path / INPUTS)
    with monkeypatch.context() as full_disk:
        full_disk.setattr(torch, "save", half)
        with pytest.raises(OSError, match="No space left"):
            keep_days(folder, [demo_windows.test_as_of_day])
    assert list(ModelInputs.load(folder).queries) == list(model_inputs.queries)


class Stranger:
    """A class that no release kept."""


@pytest.mark.parametrize("content", [{"article_ids": "[]"}, Stranger()], ids=["half of it", "a strange class"])
def test_what_another_release_kept_otherwise_is_named(content, tmp_path):
    torch.save(content, tmp_path / "model_inputs.pt")
    with pytest.raises(UnreadableInputs, match=r"model_inputs\.pt was written by another release"):
        ModelInputs.load(tmp_path / INPUTS)


def test_inputs_that_are_not_there_are_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="all_days.pt"):
        ModelInputs.load(tmp_path / INPUTS)


def test_only_the_days_asked_for_are_encoded_and_positions_stay(model_inputs, demo_marts, demo_windows, tmp_path):
    fit_before = demo_windows.validation_as_of_day
    days = [*demo_windows.known_before(fit_before), fit_before]
    some = encode_marts(demo_marts, fit_before, ON_SALE_DAYS, tmp_path, days)
    assert list(some.queries) == list(some.candidates) == days
    assert some.catalogue.article_ids.tolist() == model_inputs.catalogue.article_ids.tolist()
    for day in days:
        same(some.candidates[day], model_inputs.candidates[day])
        same(some.queries[day], model_inputs.queries[day])
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
        fit_workflows([articles], [customers], demo_windows.cutoff.replace(year=1999, month=1, day=1), tmp_path)


def test_a_dictionary_column_has_the_positions_of_its_texts():
    """Each chunk has words of its own, as each row group of a file does."""
    catalogue = Catalogue(np.array(["0100", "0200", "0300"], dtype=object))
    chunks = [["0300", "0100", "0300"], [], ["0200", "0100"]]
    ids = pa.chunked_array([pa.array(chunk, pa.string()).dictionary_encode() for chunk in chunks])
    assert catalogue.positions_of(ids).tolist() == [2, 0, 2, 1, 0]
    assert catalogue.positions_of(ids.chunk(2)).tolist() == [1, 0]
    assert catalogue.positions_of(ids.slice(0, 0)).tolist() == []
    with pytest.raises(KeyError, match="article 0900"):
        catalogue.positions_of(pa.array(["0100", "0900"]).dictionary_encode())


def test_a_position_is_a_row_of_the_sorted_ids():
    catalogue = Catalogue.of(pa.chunked_array([["0300", "0100", "0300", "0200"]]))
    assert catalogue.article_ids.tolist() == ["0100", "0200", "0300"]
    assert catalogue.positions_of(pa.array(["0300", "0100"])).tolist() == [2, 0]


def test_an_article_that_was_never_sold_is_no_position():
    with pytest.raises(KeyError, match="article 0900 was never sold"):
        Catalogue.of(pa.chunked_array([["0100"]])).positions_of(pa.array(["0900"]))
