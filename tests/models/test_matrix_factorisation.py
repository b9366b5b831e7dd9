"""Matrix factorisation on planted groups: it learns them, repeats itself and knows nothing of later days."""

from datetime import date

import numpy as np
import pytest
from planted_purchases import N_ARTICLES, TODAY, best_not_owned, interactions, two_groups

from recommender.models import matrix_factorisation
from recommender.models.matrix_factorisation import fit_als, fit_bpr

FITS = {"als": fit_als, "bpr": fit_bpr}
SMALL = {"factors": 4}
GROUPED = two_groups()[0]
CUSTOMERS = sorted({customer for customer, _, _ in GROUPED} | {"nobody"})


def planted(extra=()):
    return interactions([*GROUPED, *extra], N_ARTICLES + 1, CUSTOMERS)  # the last article never sold


@pytest.mark.parametrize("name", FITS)
def test_what_is_not_owned_of_the_own_group_scores_highest(name):
    withheld = two_groups()[1]
    purchases = planted()
    best = best_not_owned(FITS[name](purchases, TODAY, seed=7, **SMALL), purchases)
    expected = [withheld[customer] for customer in purchases.customer_ids if customer != "nobody"]
    assert best[:-1].tolist() == expected  # "nobody" is the last id


@pytest.mark.parametrize("name", FITS)
def test_own_articles_are_kept(name):
    scores = FITS[name](planted(), TODAY, seed=7, **SMALL).score(np.array([0]), np.arange(N_ARTICLES))
    assert scores[0, 1:6].min() > scores[0, 6:].max()


@pytest.mark.parametrize("name", FITS)
def test_one_seed_gives_one_result_and_another_seed_another(name):
    first, again, other = (FITS[name](planted(), TODAY, seed=seed, **SMALL) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.customers, again.customers)
    np.testing.assert_array_equal(first.articles, again.articles)
    assert (first.articles != other.articles).any()


@pytest.mark.parametrize("name", FITS)
def test_purchases_from_the_as_of_day_on_change_nothing(name):
    later = planted([("nobody", 0, TODAY), ("c00-0", N_ARTICLES, TODAY), ("c00-0", 8, date(2020, 9, 20))])
    before, after = (FITS[name](purchases, TODAY, seed=7, **SMALL) for purchases in (planted(), later))
    np.testing.assert_array_equal(before.customers, after.customers)
    np.testing.assert_array_equal(before.articles, after.articles)


@pytest.mark.parametrize("name", FITS)
def test_who_and_what_has_no_purchase_scores_zero(name):
    purchases = planted()
    scores = FITS[name](purchases, TODAY, seed=7, **SMALL).score(np.arange(len(CUSTOMERS)), np.arange(N_ARTICLES + 1))
    assert scores.dtype == np.float32
    assert scores.shape == (len(CUSTOMERS), N_ARTICLES + 1)
    assert not scores[-1].any()
    assert not scores[:, -1].any()
    assert scores[:-1, :-1].all()


@pytest.mark.parametrize(("most", "passes"), [(0, 1), (2.5, 2), (9, 3)])
def test_bpr_draws_no_more_pairs_than_a_night_can_afford(monkeypatch, most, passes):
    expected = fit_bpr(planted(), TODAY, seed=7, iterations=passes, **SMALL)
    entries = len({(customer, article) for customer, article, _ in GROUPED})
    monkeypatch.setattr(matrix_factorisation, "MOST_PAIRS", int(most * entries))
    capped = fit_bpr(planted(), TODAY, seed=7, iterations=3, **SMALL)
    np.testing.assert_array_equal(capped.articles, expected.articles)


def test_als_forgets_with_the_half_life():
    """Customer "both" bought of one group long ago and of the other yesterday."""
    rows = [("both", article, date(2019, 9, 15)) for article in range(6)]
    rows += [("both", article, date(2020, 9, 15)) for article in range(6, 12)]
    purchases = interactions([*GROUPED, *rows], N_ARTICLES)
    scores = fit_als(purchases, TODAY, seed=7, half_life_days=30, **SMALL).score(
        np.flatnonzero(purchases.customer_ids == "both"), np.arange(N_ARTICLES)
    )
    assert scores[0, 6:].min() > scores[0, :6].max()


@pytest.mark.parametrize("name", FITS)
def test_nothing_bought_before_the_day_is_refused(name):
    with pytest.raises(ValueError, match="nothing was bought before 2020-08-01"):
        FITS[name](planted(), date(2020, 8, 1), seed=7)
