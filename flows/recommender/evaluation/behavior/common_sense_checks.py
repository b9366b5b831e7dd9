"""What a shop assistant would not do, even where the average looks good."""

import numpy as np

from recommender.evaluation.behavior.judged_week import JudgedWeek
from recommender.evaluation.behavioral_check import Measurement, behavioral_check
from recommender.evaluation.slices import LAST_DAY_OF_FIRST_MONTH

FEWEST_PURCHASES = 5  # of a customer before "never bought it" means anything


class CommonSenseChecks(JudgedWeek):
    """Nothing here knows what was bought in the week."""

    @behavioral_check("common_sense")
    def guarded_articles_shown(self) -> Measurement:
        """Share of recommendations from guarded parts of the catalogue to customers who never bought there."""
        shown = total = 0
        experienced = np.diff(self.history.indptr) >= FEWEST_PURCHASES
        for attribute, values in self.common_sense.guarded.items():
            is_guarded = np.isin(self.attributes[attribute], values)
            if not (is_guarded & self.is_on_sale).any():
                continue
            strangers = experienced & (self.history @ is_guarded.astype(np.float32) == 0)
            lists = self.lists[strangers]
            shown += int(is_guarded[lists[lists >= 0]].sum())
            total += int((lists >= 0).sum())
        return Measurement(shown / total if total else None, {"recommendations": total})

    @behavioral_check("common_sense")
    def unusual_prices(self) -> Measurement:
        """Share of recommendations far dearer or far cheaper than what the customer usually pays."""
        has_usual = np.isfinite(self.usual_prices) & (self.usual_prices > 0)
        lists, usual = self.lists[has_usual], self.usual_prices[has_usual]
        prices = np.where(lists >= 0, self.prices[lists], np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.abs(np.log(prices / usual[:, None]))
        known = np.isfinite(off)
        if has_usual.sum() < self.minimum_customers or not known.any():
            return Measurement(None, {"customers": int(has_usual.sum())})
        is_unusual = off[known] > np.log(self.common_sense.usual_price_factor)
        return Measurement(float(is_unusual.mean()), {"customers": int(has_usual.sum())})

    @behavioral_check("common_sense")
    def department_balance(self) -> Measurement:
        """Distance between the departments recommended and those sold last week; 0 alike, 1 disjoint."""
        names, codes = self.codes["department"]
        shown = np.bincount(codes[self.lists[self.lists >= 0]], minlength=len(names))
        sold = np.bincount(codes, weights=self.last_week_sales, minlength=len(names))
        if not sold.sum() or not shown.sum():
            return Measurement(None, {})
        shares, usual = shown / shown.sum(), sold / sold.sum()
        largest = int(np.argmax(shares))
        details = {"largest": str(names[largest]), "share": float(shares[largest]), "of_sales": float(usual[largest])}
        return Measurement(float(np.abs(shares - usual).sum() / 2), details)

    @behavioral_check("common_sense")
    def new_articles_recommended(self) -> Measurement:
        """Share of recommendations that are articles of their first month, over these articles' share of sales."""
        is_new = self.article_ages <= LAST_DAY_OF_FIRST_MONTH
        sold = int(self.last_week_sales[is_new].sum())
        of_sales = sold / max(int(self.last_week_sales.sum()), 1)
        shown = self.lists[self.lists >= 0]
        of_lists = float(is_new[shown].mean()) if len(shown) else 0.0
        details = {"of_recommendations": of_lists, "of_sales": of_sales, "articles": int(is_new.sum()), "sold": sold}
        return Measurement(of_lists / of_sales if sold >= self.minimum_customers else None, details)
