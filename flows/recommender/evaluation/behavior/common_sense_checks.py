"""What a shop assistant would not do, even where the average looks good."""

from dataclasses import replace

import numpy as np

from recommender.evaluation.behavior.judged_week import POPULAR, JudgedWeek
from recommender.evaluation.behavior.standing import standing_of_customers, standing_of_lists
from recommender.evaluation.behavioral_check import Kind, Measurement, behavioral_check
from recommender.evaluation.slices import LAST_DAY_OF_FIRST_MONTH
from recommender.ranking_metrics import mean_over_customers
from recommender.ratios import is_surely_positive, ratio

FEWEST_PURCHASES = 5  # of a customer before "never bought it" means anything
FEWEST = {"customers": 50}
FEWEST_NEW = 60  # of a twentieth of them, three, chance leaves none in one case of twenty


class CommonSenseChecks(JudgedWeek):
    """Nothing here but the prices' reference knows what was bought in the week."""

    @behavioral_check(
        "common_sense",
        Kind.COMPARISON,
        refuses="some shoppers are hurt by what they are shown",
        needs={**FEWEST, "guarded articles expected": 30},
    )
    def guarded_articles_shown(self) -> Measurement:
        """Guarded articles shown to customers who never bought such, as a multiple of what knows no customer shows."""
        shown, expected = np.zeros(len(self.lists)), np.zeros(len(self.lists))
        is_asked = np.zeros(len(self.lists), dtype=bool)
        experienced = np.diff(self.history.indptr) >= FEWEST_PURCHASES
        for attribute, values in self.common_sense.guarded.items():
            is_guarded = np.isin(self.attributes[attribute], values) & self.is_on_sale
            strangers = experienced & (self.history @ is_guarded.astype(np.float32) == 0)
            of_sales = self.last_week_sales[is_guarded].sum() / max(self.last_week_sales.sum(), 1)
            length, n_others = (self.lists >= 0).sum(axis=1), np.count_nonzero(self.is_on_sale & ~is_guarded)
            shown += strangers * _count(self.lists, is_guarded)
            expected += strangers * np.maximum(length * of_sales, length - n_others)  # some a list cannot avoid
            is_asked |= strangers
        data = {"customers": int(is_asked.sum()), "guarded articles expected": int(expected.sum())}
        if is_asked.sum() < 2 or not expected.any():
            return Measurement(None, data=data)
        multiple = ratio(shown[is_asked], expected[is_asked])
        details = {"shown": int(shown.sum()), "recommendations": int((self.lists[is_asked] >= 0).sum())}
        return Measurement(multiple.value, details, data, multiple.low, multiple.high)

    @behavioral_check(
        "common_sense",
        Kind.COMPARISON,
        warns="a shop may lead its customers to other prices on purpose",
        needs=FEWEST,
    )
    def prices_near_usual(self) -> Measurement:
        """Share of articles at about the customer's usual price, as a multiple of the worst reference's."""
        known = np.flatnonzero(np.isfinite(self.usual_prices) & (self.usual_prices > 0))
        lists = {"model": self.lists, "random": self.random, POPULAR: self.baselines[POPULAR], **self.healthy}
        shares = {name: self._usual_share(each, known) for name, each in lists.items()}
        is_priced = np.isfinite(np.stack(list(shares.values()))).all(axis=0)
        model, *references = (each[is_priced] for each in shares.values())
        details = {name: mean_over_customers(each[is_priced]) for name, each in shares.items()}
        data = {"customers": int(is_priced.sum())}
        worst = min(references, key=np.sum)
        if not is_surely_positive(worst):
            return Measurement(None, details, data)
        multiple = ratio(model, worst)
        return Measurement(multiple.value, details, data, multiple.low, multiple.high)

    @behavioral_check(
        "common_sense",
        Kind.COMPARISON,
        refuses="a shop sells more than one department",
        needs={**FEWEST, "departments": 2},
    )
    def department_balance(self) -> Measurement:
        """How like last week's sales the departments are: from the largest alone, 0, to the worst baseline's, 1."""
        names, codes = self.codes["department"]
        sold = np.bincount(codes, weights=self.last_week_sales, minlength=len(names))
        largest = np.flatnonzero(self.is_on_sale & (codes == int(np.argmax(sold))))
        data = {"departments": int((sold > 0).sum())}
        if not sold.any() or not len(largest):
            return Measurement(None, data=data)

        def likeness(lists: np.ndarray) -> float:
            shown = np.bincount(codes[lists[lists >= 0]], minlength=len(names))
            return 1 - float(np.abs(shown / max(shown.sum(), 1) - sold / sold.sum()).sum() / 2)

        alone = np.full(self.lists.shape, largest[0])
        references = {POPULAR: self.baselines[POPULAR], **self.healthy}
        measured = standing_of_lists(likeness, self.lists, alone, references, str(names[np.argmax(sold)]))
        return replace(measured, data={**measured.data, **data})

    @behavioral_check(
        "common_sense",
        Kind.COMPARISON,
        refuses="a model that is blind for what is new goes on showing last season",
        needs={**FEWEST, "new articles expected": FEWEST_NEW},
    )
    def new_articles_recommended(self) -> Measurement:
        """Share of articles of their first month: from none, 0, to the worst reference's that shows any, 1."""
        is_new, personal = self.article_ages <= LAST_DAY_OF_FIRST_MONTH, self.has_history
        references = {POPULAR: self.baselines[POPULAR], **self.healthy}
        shares = {
            name: _count(lists[personal], is_new) / lists.shape[1]
            for name, lists in {"model": self.lists, **references}.items()
        }
        model, none = shares.pop("model"), np.zeros(np.count_nonzero(personal))
        shares["last week's sales"] = none + self.last_week_sales[is_new].sum() / max(self.last_week_sales.sum(), 1)
        measured = standing_of_customers(model, none, shares, "none")
        expected = measured.details[measured.details["worst healthy"]] if measured.value is not None else 0
        data = {**measured.data, "new articles expected": int(expected * self.lists[personal].size)}
        return replace(measured, data=data)

    def _usual_share(self, lists: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """(n_rows,) float64: share of a customer's articles within the usual factor of the usual price."""
        prices = np.where(lists[rows] >= 0, self.prices[lists[rows]], np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.abs(np.log(prices / self.usual_prices[rows][:, None]))
        known = np.isfinite(off).sum(axis=1)
        usual = (off <= np.log(self.common_sense.usual_price_factor)).sum(axis=1)
        return np.divide(usual, known, out=np.full(len(rows), np.nan), where=known > 0)


def _count(lists: np.ndarray, is_counted: np.ndarray) -> np.ndarray:
    """(n,) int64: articles of a list that are marked in (n_articles,) bool."""
    return (is_counted[lists] & (lists >= 0)).sum(axis=1)
