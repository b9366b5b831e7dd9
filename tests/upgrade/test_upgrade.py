"""What an earlier release left behind is served, rolled back, published again and explained by this one.

Each `state_<commit>.tar.xz` is the data folder, its embedded Redis included, that the commit left after two nights; see
`make_state.py`. The commands are started by make: their targets keep their names when modules are renamed.
"""

import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from earlier_state import EarlierState, K, article_ids, purchases
from flow_runs import make_workplace, small_settings
from served_lists import serving

from data.prepare import Request, prepare
from recommender.config import Settings, read_toml
from recommender.features.time_split import split_by_time
from recommender.model_names import CHAMPION
from recommender.project_paths import DATA_DIR_VARIABLE
from recommender.release.champion import champion
from recommender.weeks.configuration import SAME, Configuration, find_opponent
from recommender.weeks.weekly_jobs import weekly_jobs

STATES = sorted(Path(__file__).parent.glob("state_*.tar.xz"))
VARIANT, NOTE = "earlier", "recalled"  # as `make_state.py` calls them
LISTED = re.compile(r"^ +\d+ .*?(\d{10})  ", flags=re.M)


@pytest.fixture(params=STATES, ids=lambda path: path.name.partition(".")[0])
def state(request, tmp_path):
    """A state of its own for each test."""
    workplace = make_workplace(tmp_path / "workplace")
    with tarfile.open(request.param) as packed:
        packed.extractall(workplace.data_dir, filter="data")
    yield EarlierState(workplace)
    workplace.redis_server.stop()


@pytest.fixture
def own_data_dir(state, monkeypatch):
    """The state's data folder as that of this process, too."""
    monkeypatch.setenv(DATA_DIR_VARIABLE, str(state.workplace.data_dir))
    for name in ("REDIS_URL", "EMBEDDED_REDIS_DIR"):
        monkeypatch.delenv(name, raising=False)
    return state.workplace.data_dir


def reader(get) -> Callable[[str], dict]:
    """A function that answers a path with what the API says."""
    return lambda path: get(path).raise_for_status().json()


def ids_in(answer: dict) -> list[str]:
    """The article ids of an answer."""
    return [item["article_id"] for item in answer["items"]]


def test_there_is_a_state_to_upgrade_from():
    assert STATES


def test_both_versions_are_served_over_http(state):
    """The second to most customers, the first to those in the variant."""
    first, second = (night["version"] for night in state.nights)
    of_first, of_second = state.customers(night=0), state.customers()
    with serving(state.workplace) as client:
        answers = {each: reader(client.get)(f"/recommendations/{each}") for each in of_second}
        assert reader(client.get)("/health/ready")["version"] == second
    assert {answer["version"] for answer in answers.values()} == {first, second}
    for customer, answer in answers.items():
        is_in_variant = answer["variant"] == VARIANT
        assert answer["version"] == (first if is_in_variant else second)
        assert ids_in(answer) == state.shown((of_first if is_in_variant else of_second)[customer])


def test_what_goes_with_the_lists_is_served_too(state):
    segment, similar = state.published("segments")[0], state.published("similar")[0]
    with serving(state.workplace) as client:
        read = reader(client.get)
        assert ids_in(read("/popular")) == state.shown(state.published("popular")[0])
        assert ids_in(read(f"/popular?segment={segment['name']}")) == state.shown(segment)
        assert ids_in(read(f"/similar/{similar['name']}")) == state.shown(similar)
        explained = {each: read(f"/explain/{each}") for each in state.customers()}
    facts = {row["article_id"]: row for row in state.published("articles")}
    for customer, answer in explained.items():
        row = state.customers(night=0 if answer["variant"] else -1)[customer]
        assert [(each["article_id"], each["day"]) for each in answer["purchases"]] == purchases(row)
        assert all(item["proposers"] for item in answer["items"])
        for item in answer["items"]:
            own = facts[item["article_id"]]
            assert (item["name"], item["department"]) == (own["name"], own["department"])
        assert {each["note"] for each in answer["filtered"]} <= {NOTE}
    assert any(answer["filtered"] for answer in explained.values())


def test_the_commands_tell_what_there_is(state):
    first, second = state.nights
    customer, row = next(iter(state.customers().items()))
    listed = state.make("versions").splitlines()
    assert [line.split()[:2] for line in listed] == [[second["version"], "current"], [first["version"], "previous"]]
    assert all("600 customers, base-seed7" in line for line in listed)
    history = state.make("history")
    assert re.findall(r"\d{16}", history) == [first["run_id"], second["run_id"]]
    assert "published, forced" in history
    assert f"{state.denied}  denied" in state.make("rules")
    assert re.search(rf"{VARIANT} +50\.0%  {first['version']}", state.make("variants"))
    state.make("end-variant", NAME=VARIANT)
    assert LISTED.findall(state.make("query", CUSTOMER=customer)) == state.shown(row)
    state.make("allow", ARTICLE=state.denied)
    assert LISTED.findall(state.make("query", CUSTOMER=customer)) == article_ids(row)[:K]


def test_a_rollback_serves_the_earlier_night(state):
    first = state.nights[0]["version"]
    assert f"demo now serves {first}" in state.make("rollback")
    with serving(state.workplace) as client:
        for customer, row in state.customers(night=0).items():
            answer = reader(client.get)(f"/recommendations/{customer}")
            assert answer["version"] == first
            assert ids_in(answer) == state.shown(row)


def test_the_earlier_run_is_published_again(state):
    first, second = (night["run_id"] for night in state.nights)
    assert [line.split()[0] for line in state.make("publish").splitlines()] == [second, first]
    assert f"600 lists of run {first}" in state.make("publish", RUN=first)
    served, *earlier = state.workplace.published()
    assert served.manifest.run_id == first
    assert [each.version for each in earlier] == [night["version"] for night in reversed(state.nights)]
    state.make("end-variant", NAME=VARIANT)
    customer, row = next(iter(state.customers(night=0).items()))
    assert LISTED.findall(state.make("query", CUSTOMER=customer)) == state.shown(row)


def test_a_published_list_is_explained(state):
    """Out of the models again; a score may differ in its last digit on another processor, and with it the order."""
    customer, row = next(iter(state.customers().items()))
    text = state.make("explain", CUSTOMER=customer)
    assert text.startswith(f"customer  {customer}\n")
    assert len(set(LISTED.findall(text))) == K
    assert set(LISTED.findall(text)) <= set(article_ids(row))


def test_the_report_is_drawn_and_scored_again(state):
    page = state.workplace.data_dir / "reports" / "demo" / "card.html"
    page.unlink()
    assert state.make("card") == f"{page}\n"
    assert all(part in page.read_text() for part in ("The furthest misses", "For whom", "Customer 1"))
    state.make("rescore")


def test_the_next_night_compares_with_the_champion(state, own_data_dir):
    served = champion("demo", warn=pytest.fail)
    assert served.run_id == state.nights[-1]["run_id"]
    settings = Settings.of(read_toml(small_settings()), "demo")
    tonight = Configuration(settings.candidates[0], 5, settings.stages)
    opponent = find_opponent(tonight, served.configuration)
    assert (opponent.name, opponent.reason) == (CHAMPION, "")
    assert opponent.configuration.candidate.settings["dropout"] == 0.1
    assert find_opponent(opponent.configuration, served.configuration).reason == SAME
    raw = prepare(Request("demo"), own_data_dir / "raw")
    windows = split_by_time(raw.first_day, raw.last_day, training_weeks=12, ranking_weeks=2)
    jobs = weekly_jobs(tonight, opponent.configuration, windows, Path("weeks"), Path("published"))
    assert [str(job.as_of_day) for job in jobs if job.is_champion] == ["2020-09-02", "2020-09-09", "2020-09-16"]


def test_after_a_rollback_the_champion_is_the_earlier_night(state, own_data_dir):
    state.make("rollback")
    served = champion("demo", warn=pytest.fail)
    assert served.run_id == state.nights[0]["run_id"]
    assert Configuration.from_dict(served.configuration).candidate.settings["dropout"] == 0.0
