"""Retrieve and filter, fitted on one day: later stages ask this for all they need of that day.

In: the marts, the inputs of a two-tower with the model itself, the settings. Out: `FittedDay`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import torch
from torch import nn

from recommender.config import FilterSettings
from recommender.features.interactions import Interactions
from recommender.features.marts import Marts
from recommender.features.model_inputs import ModelInputs
from recommender.features.snapshots import QuerySnapshot
from recommender.stages.filter import Filtered, filter_articles
from recommender.stages.generators import Generator
from recommender.stages.retrieve import fit_generators
from recommender.stages.shop_day import ShopDay, read_shop_day


@dataclass(frozen=True)
class FittedDay:
    """The first two stages on a day.

    Attributes:
        day: what is known on the day.
        queries: the day's customers as a two-tower reads them.
        filtered: what the rules barred.
        generators: fitted on what lies before the day.
        sizes: generator name to the articles it may propose.
    """

    day: ShopDay
    queries: QuerySnapshot
    filtered: Filtered
    generators: Sequence[Generator]
    sizes: Mapping[str, int]


def fit_day(
    marts: Marts,
    as_of_day: date,
    inputs: ModelInputs,
    model: nn.Module | None,
    sizes: Mapping[str, int],
    filters: FilterSettings,
    purchases: Interactions | None = None,
    rows: np.ndarray | None = None,
    report: Callable[[str], None] = print,
) -> FittedDay:
    """Fit every generator on what lies before a day.

    Args:
        marts: of the run; the day is one of their ranked days.
        as_of_day: the day.
        inputs: encoded by workflows that saw nothing of the day or later, holding the day's snapshots.
        model: a two-tower fitted on what lies before the day, reading these inputs; None leaves it out.
        sizes: see `fit_generators`.
        filters: what bars an article.
        purchases: all purchases of the marts, read when not given.
        rows: (n,) int64, which of the day's customers to serve; all by default.
        report: called with a line for each generator that had to be left out.
    """
    queries, candidates = inputs.queries[as_of_day], inputs.candidates[as_of_day]
    if rows is not None:
        queries = queries.take(torch.from_numpy(rows))
    if purchases is None:
        purchases = marts.interactions(inputs.catalogue)
    filtered = filter_articles(marts.article_features(as_of_day), inputs.catalogue, filters)
    day = read_shop_day(marts, as_of_day, queries.customers, filtered.candidates, inputs.catalogue, purchases)
    two_tower = None if model is None else (model, queries, candidates)
    return FittedDay(day, queries, filtered, fit_generators(day, sizes, two_tower, report), sizes)
