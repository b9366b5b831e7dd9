"""`python -m recommender.explain.command` on the small shop: the published list with its reasons, and its errors."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from small_shop import ON_SALE_DAYS, SMALL_TWO_TOWER

from recommender.config import Candidate, FilterSettings, OrderSettings, StageSettings
from recommender.explain import command
from recommender.features.marts import Marts
from recommender.models.ranked_lists import RankedLists
from recommender.models.ranking.rankers import load_ranker
from recommender.project_paths import DATA_DIR_VARIABLE, PROJECT_ROOT, reports_dir, run_dir
from recommender.stages.fitted_day import FittedDay
from recommender.stages.four_stages import recommend
from recommender.stages.rank import fit_on_weeks
from recommender.stages.ranking_week import ranking_week
from recommender.stages.retrieve import GENERATORS
from recommender.weeks.stage_files import STAGES, save_stages
from recommender.weeks.weekly_models import fit_two_tower

DENIED = 3
"""So many of the best sellers are denied."""
LINE = re.compile(r"^ +(\d+) +(-?\d+\.\d+)  (\d{10})  (.*?) {2,}(\w.*)$", flags=re.M)
MOST_LINES, WIDEST_LINE = 65, 160


@dataclass(frozen=True)
class PublishedShop:
    """A run on the small shop, as it lies on the disk, and everybody's lists of 24 as it publishes them."""

    folder: Path
    stages: StageSettings
    fitted: FittedDay
    lists: RankedLists
    article_ids: np.ndarray

    def list_of(self, customer_id: str) -> list[tuple[str, float]]:
        """Return the published article ids with their scores."""
        row = self.fitted.day.customer_ids.tolist().index(customer_id)
        scored = zip(*(each[row].tolist() for each in self.lists), strict=True)
        return [(self.article_ids[position], score) for position, score in scored]


@pytest.fixture(scope="module", autouse=True)
def data_dir(tmp_path_factory):
    """A data folder of this module's own."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DATA_DIR_VARIABLE, str(folder))
        yield folder


@pytest.fixture(scope="module")
def shop(data_dir, demo_marts, demo_windows):
    """Publish from the small shop: one two-tower, and a ranker that the test week taught."""
    folder, day = run_dir("demo", "17"), demo_windows.publishing_as_of_day
    marts = Marts(shutil.copytree(demo_marts.folder, folder / "marts"))
    stages = stages_with_denied(marts, day)
    weekly = fit_two_tower(
        Candidate("tiny", 7, {**SMALL_TWO_TOWER, "epochs": 2}),
        2,
        marts,
        day,
        demo_windows.known_before(day),
        ON_SALE_DAYS,
        folder / "published",
        scored_days=[demo_windows.test_as_of_day],
        report=lambda epoch: None,
    )
    taught = ranking_week(*weekly.fit_for_buyers(stages, demo_windows.test_as_of_day), folder / "week")
    fit_on_weeks([taught], stages.rankers, seed=1).ranker.save(folder / "published" / "ranker")
    save_stages(stages, folder / "published")
    write_report(run_id="17", published={"version": "1"}, windows=demo_windows.report())
    fitted = weekly.fit_day(stages)
    lists = recommend(fitted, load_ranker(folder / "published" / "ranker"), stages.order, 24)
    return PublishedShop(folder, stages, fitted, lists, weekly.inputs().catalogue.article_ids)


def stages_with_denied(marts: Marts, day) -> StageSettings:
    """Settings that deny the best sellers, with caps that bite."""
    features = marts.article_features(day).to_pylist()
    best = sorted(features, key=lambda row: -row["buyers_1w"])[:DENIED]
    return StageSettings(
        sizes=dict.fromkeys(GENERATORS, 20),
        filters=FilterSettings(ON_SALE_DAYS, True, denied_articles=[row["article_id"] for row in best]),
        rankers={"lambdarank": {"n_trees": 20, "min_rows_in_leaf": 10}},
        order=OrderSettings(depth=30, diversity=0.0, caps={"product_code": 1, "product_type": 2}),
    )


def write_report(dataset="demo", **changes) -> None:
    """Write the parts of a report that the command reads."""
    folder = reports_dir(dataset)
    folder.mkdir(parents=True, exist_ok=True)
    report = {"dataset": dataset, "verdict_reason": "all tests passed", **changes}
    (folder / "report.json").write_text(json.dumps(report))


def explained(capsys, *arguments: str) -> str:
    """Run the command; return what it prints."""
    assert command.main(["--dataset", "demo", *arguments]) == 0
    return capsys.readouterr().out


def customers_of(shop: PublishedShop, has_history: bool) -> list[str]:
    """Return three customers with or without history, from the first to the last."""
    ids = shop.fitted.day.customer_ids[shop.fitted.day.has_history() == has_history]
    return ids[[0, len(ids) // 2, -1]].tolist()


@pytest.mark.parametrize("has_history", [True, False])
def test_the_printed_list_is_the_published_one(shop, capsys, has_history):
    for customer_id in customers_of(shop, has_history):
        printed = LINE.findall(explained(capsys, "--customer", customer_id))
        published = shop.list_of(customer_id)[:12]
        assert [article_id for _, _, article_id, *_ in printed] == [article_id for article_id, _ in published]
        assert [int(rank) for rank, *_ in printed] == list(range(1, 13))
        np.testing.assert_allclose([float(each[1]) for each in printed], [score for _, score in published], atol=6e-4)


def test_without_a_customer_it_takes_the_first_with_history(shop, capsys):
    text = explained(capsys, "--k", "3")
    assert text.startswith(f"customer  {customers_of(shop, has_history=True)[0]}\nsegment   ")
    assert len(LINE.findall(text)) == 3


def test_the_latest_purchases_are_shown_with_their_names(shop, capsys):
    customer_id = customers_of(shop, has_history=True)[0]
    marts = Marts(shop.folder / "marts")
    rows = marts.table("purchases").to_pylist()
    own = [row for row in rows if marts.customer_ids()[row["customer_code"]] == customer_id]
    last = min(own, key=lambda row: (-row["purchase_day"].toordinal(), row["article_id"]))
    names = {row["article_id"]: row["product_name"] for row in marts.articles().to_pylist()}
    text = explained(capsys, "--customer", customer_id)
    days, articles = len({row["purchase_day"] for row in own}), len({row["article_id"] for row in own})
    assert f"history   {days} days with purchases, {articles} articles\n" in text
    assert f"          {last['purchase_day']}  {last['article_id']}  {names[last['article_id']]}\n" in text


def test_a_customer_without_history_is_told_so(shop, capsys):
    text = explained(capsys, "--customer", customers_of(shop, has_history=False)[0])
    assert "history   no purchase before\n" in text
    assert text.count("never bought  ") >= 12
    assert "usual price" not in text and "best by" not in text


def test_each_article_has_its_generators_facts_and_reasons(shop, capsys):
    lines = explained(capsys, "--customer", customers_of(shop, has_history=True)[0]).splitlines()
    starts = [place for place, line in enumerate(lines) if LINE.match(line)]
    assert len(starts) == 12
    for start in starts:
        assert re.search(rf"  ({'|'.join(GENERATORS)}) \d+", lines[start])
        assert re.search(r"sold last week +\d+ days old", lines[start + 1])
        assert re.match(r" {6}score: .+ [+-]\d", lines[start + 2])


def test_denied_best_sellers_and_full_caps_are_told(shop, capsys):
    """A cap of one article of a product and two of a type moves something down for some customer of these."""
    texts = [explained(capsys, "--customer", each) for each in customers_of(shop, has_history=True)]
    denied = re.compile(rf"({'|'.join(shop.stages.filters.denied_articles)}) .* denied; .*popular \d")
    assert all(denied.search(text) for text in texts)
    assert any(re.search(r"number \d+: the list has [12] of its product (code|type)\n", text) for text in texts)


def test_the_text_fits_on_a_screen(shop, capsys):
    for customer_id in customers_of(shop, has_history=True):
        lines = explained(capsys, "--customer", customer_id).splitlines()
        assert len(lines) <= MOST_LINES
        assert max(map(len, lines)) <= WIDEST_LINE


def test_a_run_without_its_settings_says_whose_are_taken(shop, capsys):
    kept = shop.folder / "published" / STAGES
    away = kept.rename(kept.with_suffix(".away"))
    try:
        text = explained(capsys, "--k", "1")
    finally:
        away.rename(kept)
    assert "settings  the run kept no settings; those of recommendation_flow.toml are used" in text
    assert "settings" not in explained(capsys, "--k", "1")


def test_a_ranker_of_another_version_is_refused(shop, capsys):
    ranker, kept = shop.folder / "published" / "ranker", shop.folder / "kept"
    shutil.copytree(ranker, kept)
    for name, old, new in (("ranker.json", '"affinity"', '"liking"'), ("trees.txt", " affinity ", " liking ")):
        (ranker / name).write_text((ranker / name).read_text().replace(old, new))
    try:
        assert command.main(["--dataset", "demo"]) == 3
    finally:
        shutil.copytree(kept, ranker, dirs_exist_ok=True)
    error = capsys.readouterr().err
    assert "ranker reads other features (affinity, liking); `make run DATASET=demo` makes a new one" in error


def test_inputs_that_another_release_kept_otherwise_are_refused(shop, capsys):
    earlier = shop.folder / "published" / "model_inputs.pt"
    torch.save({"nothing": "of use"}, earlier)
    try:
        assert command.main(["--dataset", "demo"]) == 3
    finally:
        earlier.unlink()
    error = capsys.readouterr().err
    assert "model_inputs.pt was written by another release" in error
    assert "`make run DATASET=demo` makes a new one" in error


def test_an_unknown_customer_is_one_line_and_exit_code_2(shop, data_dir):
    """Torch is not imported for it, so the answer comes at once."""
    command = [sys.executable, "-m", "recommender.explain.command", "--dataset", "demo", "--customer", "nobody"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "customer 'nobody' is not among the 600 customers of run 17\n"


@pytest.mark.parametrize("k", ["0", "-1", "twelve"])
def test_a_length_that_is_none_is_exit_code_2(k, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main(["--k", k])
    assert stopped.value.code == 2
    assert f"'{k}' is not the length of a list" in capsys.readouterr().err


def test_a_dataset_that_was_never_published_says_what_to_do(capsys):
    assert command.main(["--dataset", "online-retail"]) == 3
    assert capsys.readouterr().err == (
        "nothing was published for online-retail yet; `make run DATASET=online-retail` does it\n"
    )


def test_a_refused_run_says_why_it_published_nothing(demo_windows, capsys):
    windows = demo_windows.report()
    write_report("kaggle-hm", run_id="18", published=None, verdict_reason="determinism failed", windows=windows)
    assert command.main(["--dataset", "kaggle-hm"]) == 3
    assert "run of kaggle-hm, 18, published nothing (determinism failed)" in capsys.readouterr().err


def test_a_run_whose_folder_is_gone_says_so(demo_windows, capsys):
    write_report("kaggle-hm", run_id="19", published={"version": "1"}, windows=demo_windows.report())
    assert command.main(["--dataset", "kaggle-hm"]) == 3
    assert "the models of run 19, is gone" in capsys.readouterr().err
