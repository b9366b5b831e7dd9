"""Fourteen nights in a row on files that grow a day at a time, with something wrong in most of them.

Every night ends as it should and tells what happened, a shopper who never stops asking always has a list, and neither
disk nor Redis grows for ever.
"""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import redis
from asking_client import asking
from growing_shop import Change, day_twice, half_a_file, late, new_department, prices_in_cents, torn_line
from served_lists import serving
from shop_by_night import DATASET, LAST_DAY, SECONDS, ShopByNight, processes_of, shop_by_night

from nightly import ExitCode
from recommender.alarms import Kind
from recommender.nights.night_log import Night, read_nights

pytestmark = [pytest.mark.long, pytest.mark.flow]

SETTLED = 6  # nights until as much goes as comes
GROWTH = 1.05  # of what is kept: each night's shop is a day larger
MEBIBYTE = 2**20

Meanwhile = Callable[[ShopByNight, subprocess.Popen], None]
"""Done while a night is at work."""


@dataclass(frozen=True)
class Planned:
    """A night: what goes wrong in its files or meanwhile, how it has to end, what somebody has to be told."""

    what: str
    code: ExitCode = ExitCode.PUBLISHED
    files: Change | None = None
    meanwhile: Meanwhile | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    told: tuple[Kind, ...] = ()


@dataclass
class Lived:
    """What was seen of a night: exit code, whether new lists are served, its line in the log, bytes it left."""

    planned: Planned
    code: int
    is_published: bool
    night: Night | None
    log: str
    on_disk: int
    in_redis: int


def wait_until(condition: Callable[[], bool], night: subprocess.Popen) -> None:
    """Wait until something happens in a night that is still at work."""
    while not condition():
        assert night.poll() is None, "the night was over before"
        time.sleep(0.05)


def kill_the_run(shop: ShopByNight, night: subprocess.Popen) -> None:
    """Kill the flow and its tasks while they train."""
    wait_until(lambda: "epoch  2" in shop.log(), night)
    os.killpg(processes_of(night)[0], signal.SIGKILL)


def let_redis_take_nothing(shop: ShopByNight, night: subprocess.Popen) -> None:
    """From the last step on Redis answers, but takes nothing, until the night is over."""
    wait_until(lambda: "/publish/" in shop.log(), night)
    with redis.Redis.from_url(shop.workplace.redis_server.ensure_running()) as client:
        client.replicaof("127.0.0.1", 1)
        night.wait(SECONDS)
        client.replicaof("no", "one")


def fill_the_disk(shop: ShopByNight, night: subprocess.Popen) -> None:
    """No file of the night can grow over a mebibyte any more, as on a disk that is full by then."""
    wait_until(lambda: "/train/" in shop.log(), night)
    for process in processes_of(night):
        with suppress(ProcessLookupError):
            resource.prlimit(process, resource.RLIMIT_FSIZE, (MEBIBYTE, MEBIBYTE))


NIGHTS = (
    Planned("the first"),
    Planned("like others"),
    Planned("a late file", files=late, told=(Kind.DATA,)),
    Planned("a day that came twice", files=day_twice, told=(Kind.DATA,)),
    Planned("half a file", ExitCode.REFUSED, files=half_a_file, told=(Kind.DATA, Kind.REFUSED)),
    Planned("a torn line", ExitCode.FAILED, files=torn_line, told=(Kind.FAILED,)),
    Planned("like others"),
    Planned("prices in cents", ExitCode.REFUSED, prices_in_cents, told=(Kind.DATA, Kind.REFUSED)),  # its own tests do
    Planned("a new department", files=new_department, told=(Kind.DATA,)),
    Planned("a killed run", ExitCode.FAILED, meanwhile=kill_the_run, told=(Kind.FAILED,)),
    Planned("Redis takes nothing", ExitCode.FAILED, meanwhile=let_redis_take_nothing, told=(Kind.FAILED,)),
    Planned("a full disk", ExitCode.FAILED, meanwhile=fill_the_disk, told=(Kind.FAILED,)),
    Planned("a clock of another zone", variables={"TZ": "Pacific/Auckland"}, told=(Kind.DATA,)),  # Garden is gone
    Planned("the last"),
)


@pytest.fixture(scope="module")
def fortnight(tmp_path_factory):
    """All nights, and how often the shopper was answered what."""
    with pytest.MonkeyPatch.context() as patch, shop_by_night(tmp_path_factory.mktemp("fortnight")) as shop:
        patch.setenv("RECOMMENDER_DATA_DIR", str(shop.workplace.data_dir))
        lived = [live(shop, 0)]
        with serving(shop.workplace, DATASET=DATASET) as http, asking(http, shop.customer) as shopper:
            lived += [live(shop, number) for number in range(1, len(NIGHTS))]
        yield lived, shopper.answers


def live(shop: ShopByNight, number: int) -> Lived:
    """Let one night pass."""
    planned = NIGHTS[number]
    shop.files.deliver(LAST_DAY - timedelta(days=len(NIGHTS) - 1 - number), planned.files)
    before, nights_before = shop.versions(), len(read_nights(DATASET))
    night = shop.start(**planned.variables)
    if planned.meanwhile is not None:
        planned.meanwhile(shop, night)
    said, _ = night.communicate(timeout=SECONDS)
    with redis.Redis.from_url(shop.workplace.redis_server.ensure_running()) as client:
        in_redis = client.info("memory")["used_memory_dataset"]
    (line,) = read_nights(DATASET)[nights_before:] or [None]
    is_published = shop.versions()[:1] != before[:1]
    return Lived(planned, night.returncode, is_published, line, said + shop.log(), shop.bytes_on_disk(), in_redis)


@pytest.mark.parametrize("number", range(len(NIGHTS)), ids=[each.what for each in NIGHTS])
def test_a_night_ends_as_it_should(fortnight, number):
    night = fortnight[0][number]
    assert night.code == night.planned.code, night.log[-3000:]
    assert night.is_published == (night.planned.code == ExitCode.PUBLISHED)


@pytest.mark.parametrize("number", range(len(NIGHTS)), ids=[each.what for each in NIGHTS])
def test_a_night_tells_what_happened(fortnight, number):
    night = fortnight[0][number]
    assert night.night.exit_code == night.planned.code
    assert {alarm.kind for alarm in night.night.alarms} - {Kind.DRIFT} == set(night.planned.told)


def test_there_is_a_list_at_every_moment(fortnight):
    assert set(fortnight[1]) == {"200 personal list"}


def test_neither_disk_nor_redis_grows_for_ever(fortnight):
    for sizes in zip(*((night.on_disk, night.in_redis) for night in fortnight[0]), strict=True):
        assert max(sizes[SETTLED:]) <= GROWTH * max(sizes[:SETTLED]), [round(each / MEBIBYTE, 1) for each in sizes]
