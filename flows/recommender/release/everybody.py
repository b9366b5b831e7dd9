"""Tonight's lists for every known customer, by the refitted model and, to hold them against, by the evaluated one.

In: the marts, two models with the inputs encoded for each, the day the lists are for. Out: the publication gate and
the lists in the cache's own terms.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recommender.columns import Columns
from recommender.evaluation.publication_gate import PublicationGate
from recommender.features.catalogue import Catalogue
from recommender.features.model_inputs import ModelInputs
from recommender.features.warehouse import read_mart
from recommender.models.baselines import ShopAsOf, popular, read_shop
from recommender.models.model_files import load_model
from recommender.models.served_lists import ServedLists, serve
from recommender.release.publish import PublishedLists, numbers_at
from serving.cache_contract import Source

FittedModel = tuple[Path, Path]  # the model's folder and the file of the inputs encoded for it


@dataclass(frozen=True)
class Tonight:
    """Lists for everybody as of one day.

    Attributes:
        refitted: the lists to be published.
        evaluated: those of the model that passed the behavioural suite, same customers in the same order.
        catalogue: owner of article positions.
        on_sale: (n_on_sale,) positions of the articles that may be recommended.
        shop: the marts as of the day.
        articles: the `articles` mart.
        known_customer_ids: (n,) everybody who must have a list.
    """

    refitted: ServedLists
    evaluated: ServedLists
    catalogue: Catalogue
    on_sale: np.ndarray
    shop: ShopAsOf
    articles: pa.Table
    known_customer_ids: np.ndarray

    def gate(self, k: int) -> PublicationGate:
        """Return the second gate on the first k articles of each list."""
        is_on_sale = np.zeros(len(self.catalogue), dtype=bool)
        is_on_sale[self.on_sale] = True
        return PublicationGate(
            customer_ids=self.refitted.customer_ids,
            known_customer_ids=self.known_customer_ids,
            lists=self.refitted.positions[:, :k],
            scores=self.refitted.scores[:, :k],
            is_personal=self.refitted.is_personal,
            evaluated_lists=self.evaluated.positions[:, :k],
            evaluated_scores=self.evaluated.scores[:, :k],
            is_on_sale=is_on_sale,
        )

    def published_lists(self) -> PublishedLists:
        """Return the lists as the cache knows them, with the one for strangers and the products' names."""
        ids = self.catalogue.article_ids
        for_strangers = popular(self.shop, [""], self.on_sale, self.refitted.positions.shape[1])
        return PublishedLists(
            customer_ids=self.refitted.customer_ids,
            article_numbers=numbers_at(self.refitted.positions, ids),
            scores=np.nan_to_num(self.refitted.scores),
            sources=np.where(self.refitted.is_personal, Source.PERSONAL, Source.SEGMENT).astype(np.uint8),
            popular_article_numbers=numbers_at(for_strangers.positions[0], ids),
            popular_scores=np.nan_to_num(for_strangers.scores[0]),
            article_names=self._names(np.union1d(self.refitted.positions, for_strangers.positions)),
        )

    def _names(self, positions: np.ndarray) -> dict[str, str]:
        ids = pa.array(self.catalogue.article_ids[positions[positions >= 0]], pa.string())
        published = self.articles.filter(pc.is_in(self.articles[Columns.ARTICLE_ID], value_set=ids))
        columns = (published[name].to_pylist() for name in (Columns.ARTICLE_ID, Columns.PRODUCT_NAME))
        return dict(zip(*columns, strict=True))


def lists_for_everybody(marts_dir: Path, day: date, refitted: FittedModel, evaluated: FittedModel, k: int) -> Tonight:
    """Make the lists that every known customer is served from `day` on.

    Args:
        marts_dir: the exported marts.
        day: first day the lists are for; features use purchases before it.
        refitted: the model fitted on all purchases.
        evaluated: the model that was judged.
        k: length of the lists.
    """
    inputs = ModelInputs.load(refitted[1])
    shop = read_shop(marts_dir, day, inputs.catalogue.article_ids)
    return Tonight(
        refitted=_serve(refitted, day, shop, k),
        evaluated=_serve(evaluated, day, shop, k),
        catalogue=inputs.catalogue,
        on_sale=inputs.candidates[day].on_sale().positions.numpy(),
        shop=shop,
        articles=read_mart(marts_dir, "articles"),
        known_customer_ids=read_mart(marts_dir, "customers")[Columns.CUSTOMER_ID].to_numpy(zero_copy_only=False),
    )


def _serve(fitted: FittedModel, day: date, shop: ShopAsOf, k: int) -> ServedLists:
    folder, inputs_file = fitted
    inputs = ModelInputs.load(inputs_file)
    return serve(load_model(folder), inputs.queries[day], inputs.candidates[day], shop, k)
