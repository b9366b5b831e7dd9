"""The page of all nights: planted nights in, and what a person has to find on it."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from recommender.alarms import Alarm, Kind, Level
from recommender.nights.night_log import Night, add_night
from recommender.nights.operations_page import CARDS, KEPT_CARDS, SHOWN, leave_card, main, write_operations
from recommender.project_paths import registry_file, reports_dir
from recommender.release.registry import Decision, append
from serving.connection.embedded_redis import EmbeddedRedis

NOW = datetime(2026, 12, 15, 8, 0, tzinfo=UTC)
ALARM = Alarm(Kind.DATA, Level.STOP, 'half of <b>"transactions"</b> is missing')


@pytest.fixture(autouse=True)
def own_data(monkeypatch, tmp_path):
    monkeypatch.setenv("RECOMMENDER_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for variable in ("REDIS_URL", "EMBEDDED_REDIS_DIR"):
        monkeypatch.delenv(variable, raising=False)
    yield
    EmbeddedRedis(tmp_path / "redis").stop()


def night(number: int, *, is_good: bool = True) -> Night:
    """A night of December."""
    began = NOW - timedelta(days=14 - number, hours=5)
    return Night(
        "demo",
        began.isoformat(),
        (began + timedelta(minutes=7 + number)).isoformat(),
        exit_code=0 if is_good else 1,
        reason="published: 51 of 52 tests passed" if is_good else "refused: these are not tonight's data",
        run_id=f"{1700 + number}",
        cutoff="2020-09-22" if is_good else None,
        version=f"v{number}" if is_good else None,
        alarms=() if is_good else (ALARM,),
    )


def decision(number: int, value: float | None) -> Decision:
    """What the run of a night decided."""
    windows = {"test": {"start": "2020-09-16", "end": "2020-09-22"}}
    metrics = {"served": {"map@12": value}}
    return Decision(
        f"{1700 + number}", "demo", NOW.isoformat(), windows, metrics, "passed", "51 of 52", {}, None, None, {}
    )


def a_fortnight() -> None:
    for number in range(1, 15):
        add_night(night(number, is_good=number not in (5, 13, 14)))
        append(decision(number, 0.29 + number / 1000), registry_file("demo"))


def test_every_night_is_on_the_page_the_newest_first():
    a_fortnight()
    page = write_operations("demo", NOW).read_text()
    assert re.findall(r'<th scope="row">(2026-12-\d\d)', page) == [f"2026-12-{day:02}" for day in range(15, 1, -1)]
    assert "0.3040" in page and ">v12<" in page
    assert page.count('role="img"') == 2  # quality and minutes
    assert "11 published, 3 refused" in page
    assert "the last 2" in page  # without new lists


def test_the_last_night_stands_on_top_with_its_alarms_escaped():
    a_fortnight()
    page = write_operations("demo", NOW).read_text()
    assert '<p class="decision refused">2026-12-15: refused: these are not tonight&#x27;s data</p>' in page
    assert "data: half of &lt;b&gt;&quot;transactions&quot;&lt;/b&gt; is missing" in page
    assert "<b>" not in page
    add_night(night(15))
    assert 'class="decision">2026-12-16: published' in write_operations("demo", NOW).read_text()


def test_a_night_links_to_its_card_and_old_cards_go():
    folder = reports_dir("demo")
    folder.mkdir(parents=True)
    for number in range(KEPT_CARDS + 5):
        (folder / "card.html").write_text(f"card of {number}")
        leave_card(replace(night(1), run_id=f"{1000 + number}"))
    assert len(list((folder / CARDS).iterdir())) == KEPT_CARDS
    add_night(replace(night(1), run_id=f"{1000 + KEPT_CARDS + 4}"))
    page = write_operations("demo", NOW).read_text()
    (link,) = re.findall(r'href="([^"]+)"', page)
    assert (folder / link).read_text() == f"card of {KEPT_CARDS + 4}"


def test_a_night_that_left_no_card_of_its_own_keeps_none():
    """The card that lies there is that of an earlier night."""
    folder = reports_dir("demo")
    folder.mkdir(parents=True)
    (folder / "card.html").write_text("of another night")
    leave_card(night(5, is_good=False))
    leave_card(replace(night(1), run_id=None))
    assert not (folder / CARDS).exists()


def test_the_page_says_when_nothing_is_served_or_scheduled_and_no_night_has_run(capsys):
    assert main(["--dataset", "demo"]) == 0
    page = (reports_dir("demo") / "operations.html").read_text()
    assert capsys.readouterr().out.strip().endswith("operations.html")
    assert "no night has run yet; `make nightly` runs one" in page
    assert "<dt>served version</dt><dd>nothing</dd>" in page
    assert "<dt>next night</dt><dd>not scheduled</dd>" in page


def test_a_redis_that_is_away_is_said(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    a_fortnight()
    assert "<dt>served version</dt><dd>not known: Redis at" in write_operations("demo", NOW).read_text()


def test_of_many_nights_the_newest_are_shown():
    for number in range(SHOWN + 10):
        add_night(replace(night(1), began=(NOW - timedelta(days=SHOWN + 10 - number)).isoformat()))
    assert write_operations("demo", NOW).read_text().count('<th scope="row"') == SHOWN
