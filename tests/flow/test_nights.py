"""A bad night between two good ones, as `make nightly` runs them: the good lists are served at every moment."""

from datetime import timedelta

import pytest
from asking_client import asking
from growing_shop import half_a_file
from served_lists import serving
from shop_by_night import DATASET, LAST_DAY, shop_by_night

from nightly import ExitCode

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with shop_by_night(tmp_path_factory.mktemp("nights")) as made:
        yield made


def test_a_bad_night_between_two_good_ones(shop):
    shop.files.deliver(LAST_DAY - timedelta(days=2))
    assert shop.night() == ExitCode.PUBLISHED, shop.log()[-3000:]
    (first,) = shop.versions()
    with serving(shop.workplace, DATASET=DATASET) as http, asking(http, shop.customer) as shopper:
        shop.files.deliver(LAST_DAY - timedelta(days=1), half_a_file)
        assert shop.night() == ExitCode.REFUSED, shop.log()[-3000:]
        assert shop.versions() == [first]
        shop.files.deliver(LAST_DAY)
        assert shop.night() == ExitCode.PUBLISHED, shop.log()[-3000:]
    assert shop.versions()[1:] == [first]
    assert set(shopper.answers) == {"200 personal list"}
