"""The two towers, built of Merlin blocks: encoded articles and customers in, vectors of one space out.

Both towers read articles through one shared `ArticleEncoder`, so what is learned about an article as a candidate
holds for it in a history as well. A history is pooled by learned weights (how long ago, how often); the pooled
vector goes through the query tower's MLP beside the customer's own features, and once more past it, which gives
repeat purchases a direct path. A candidate's sales, age and price enter its vector and a bias of its own that is
carried as one more dimension: scores stay inner products, so exact search ranks as the model does.

Sources: Covington et al. 2016 (https://doi.org/10.1145/2959100.2959190), Yi et al. 2019
(https://doi.org/10.1145/3298689.3346996). Shapes below: `d` embedding_dim, `h` pooling heads.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import merlin.models.torch as mm
import torch
from merlin.schema import Schema
from torch import Tensor, nn

from recommender.columns import Columns
from recommender.features.snapshots import CandidateSnapshot, QuerySnapshot
from recommender.models.article_encoder import RESERVED_CODES, ArticleEncoder

SEASON_NUMBERS = 2
POOLING_HEADS = 2


@dataclass(frozen=True)
class TowerSettings:
    """The sizes of a two-tower.

    Attributes:
        embedding_dim: size of article vectors and of the common space.
        attribute_dim: size of the embedding of each article attribute and customer category.
        hidden_dim: units of the hidden layer of each tower.
        dropout: share of hidden units dropped while training.
    """

    embedding_dim: int = 64
    attribute_dim: int = 16
    hidden_dim: int = 256
    dropout: float = 0.0

    def as_dict(self) -> dict:
        """Return plain values, for JSON."""
        return asdict(self)


class CandidateTower(nn.Module):
    """An article as of a day, as a vector and a bias."""

    def __init__(self, article_encoder: ArticleEncoder, settings: TowerSettings):
        super().__init__()
        self.article_encoder = article_encoder
        self.hidden = mm.MLPBlock([settings.hidden_dim], dropout=settings.dropout)
        self.shift = nn.Linear(settings.hidden_dim, settings.embedding_dim)
        self.bias = nn.Linear(settings.hidden_dim, 1)

    def forward(self, articles: Tensor, numbers: Tensor) -> Tensor:
        """Turn encoded articles (n, d) and their numbers (n, n_numbers) into (n, d + 1) vectors, bias last."""
        hidden = self.hidden(torch.cat([articles, numbers], dim=1))
        return torch.cat([articles + self.shift(hidden), self.bias(hidden)], dim=1)


class HistoryPooling(nn.Module):
    """What a customer bought, as h averages of articles.

    Weights are learned from how long ago and how often. A prior weight, learned, too, stands for nobody's taste, which
    is zero: one purchase says less than twenty alike.
    """

    def __init__(self):
        super().__init__()
        self.weights = nn.Sequential(mm.MLPBlock([16], activation=nn.Tanh), nn.Linear(16, POOLING_HEADS))
        self.log_prior = nn.Parameter(torch.zeros(POOLING_HEADS))

    def forward(self, articles: Tensor, place: Tensor, numbers: Tensor, offsets: Tensor) -> list[Tensor]:
        """Average each customer's articles: h tensors of shape (n, d), zero without history.

        Args:
            articles: (m, d) encoded articles.
            place: (n_history,) rows of `articles`.
            numbers: (n_history, n_numbers) what is known of each purchase.
            offsets: (n + 1,) customer i owns entries offsets[i] to offsets[i + 1].
        """
        customers = len(offsets) - 1
        owner = torch.repeat_interleave(torch.arange(customers, device=offsets.device), offsets.diff())
        weights = self.weights(numbers).clamp(-10, 10).exp()  # (n_history, h); bounded, so no maximum to subtract
        totals = self.log_prior.exp().repeat(customers, 1).index_add(0, owner, weights)
        weights = weights / totals[owner]
        return [
            nn.functional.embedding_bag(
                place, articles, offsets[:-1], mode="sum", per_sample_weights=weights[:, head].contiguous()
            )
            for head in range(POOLING_HEADS)
        ]


class QueryTower(nn.Module):
    """A customer as of a day, as a vector."""

    def __init__(self, schema: Schema, article_encoder: ArticleEncoder, settings: TowerSettings):
        super().__init__()
        self.article_encoder = article_encoder
        self.categories = mm.EmbeddingTables(
            settings.attribute_dim, schema.select_by_name(list(Columns.CUSTOMER_CATEGORIES))
        )
        self.pooling = HistoryPooling()
        self.hidden = mm.MLPBlock([settings.hidden_dim], dropout=settings.dropout)
        self.shift = nn.Linear(settings.hidden_dim, settings.embedding_dim)

    def forward(self, query: QuerySnapshot, articles: Tensor, place: Tensor) -> Tensor:
        """Turn n customers into (n, d + 1) vectors whose last coordinate, 1, picks up the candidate's bias.

        Args:
            query: customers as of a day, on the model's device.
            articles: (m, d) encoded articles, those of all histories among them.
            place: (n_history,) rows of `articles`.
        """
        heads = self.pooling(articles, place, query.history_numbers, query.history_offsets)
        named = dict(zip(Columns.CUSTOMER_CATEGORIES, query.codes.unbind(1), strict=True))
        categories = torch.cat([self.categories(named)[name] for name in Columns.CUSTOMER_CATEGORIES], dim=1)
        hidden = self.hidden(torch.cat([*heads, categories, query.numbers], dim=1))
        vectors = heads[0] + self.shift(hidden)
        return torch.cat([vectors, torch.ones_like(vectors[:, :1])], dim=1)


class TwoTower(nn.Module):
    """A query tower and a candidate tower over one article encoder.

    Args:
        candidate_schema: output schema of the candidate workflow.
        query_schema: output schema of the query workflow.
        article_codes: (n_codes, 1 + n_attributes) int64, what each article code stands for; see `article_code_table`.
        settings: sizes of the towers.
    """

    def __init__(self, candidate_schema: Schema, query_schema: Schema, article_codes: Tensor, settings: TowerSettings):
        super().__init__()
        self.settings = settings
        self.candidate_schema, self.query_schema = candidate_schema, query_schema
        self.register_buffer("article_codes", article_codes)
        encoder = ArticleEncoder(candidate_schema, settings.embedding_dim, settings.attribute_dim)
        self.candidate_tower = CandidateTower(encoder, settings)
        self.query_tower = QueryTower(query_schema, encoder, settings)
        self._materialise()

    def forward(self, queries: QuerySnapshot, candidates: CandidateSnapshot) -> tuple[Tensor, Tensor]:
        """Return what `encode_queries` and `encode_candidates` do, each article of both encoded once."""
        articles, place = self._encode_articles(candidates.codes, queries.history_codes)
        of_candidates = self.candidate_tower(articles[: len(candidates.codes)], candidates.numbers)
        return self.query_tower(queries, articles, place), of_candidates

    def encode_candidates(self, candidates: CandidateSnapshot) -> Tensor:
        """Return (n, d + 1) vectors of a snapshot's articles."""
        return self.candidate_tower(self.article_encoder(candidates.codes), candidates.numbers)

    def encode_queries(self, queries: QuerySnapshot) -> Tensor:
        """Return (n, d + 1) vectors of a snapshot's customers."""
        return self.query_tower(queries, *self._encode_articles(self.article_codes[:0], queries.history_codes))

    def _encode_articles(self, candidates: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """Encode candidates, given as (m, 1 + n_attributes) codes, and behind them what else histories hold.

        Returns (m + n_others, d) vectors, and the (n_history,) rows of them that the codes of histories stand for. A
        candidate that is unknown still has attributes, an unknown article of a history has none: they share no row.
        """
        row_of = torch.full_like(self.article_codes[:, 0], -1)
        row_of[candidates[:, 0]] = torch.arange(len(candidates), device=row_of.device)
        row_of[:RESERVED_CODES] = -1
        is_in_history = torch.zeros_like(row_of, dtype=torch.bool)
        is_in_history[history] = True
        others = torch.nonzero(is_in_history & (row_of < 0))[:, 0]
        row_of[others] = torch.arange(len(candidates), len(candidates) + len(others), device=row_of.device)
        return self.article_encoder(torch.cat([candidates, self.article_codes[others]])), row_of[history]

    @property
    def article_encoder(self) -> ArticleEncoder:
        """The one encoder of both towers."""
        return self.candidate_tower.article_encoder

    def _materialise(self) -> None:
        """Give Merlin's lazy layers their shapes by one pass over a row of zeros."""
        numbers = len(Columns.CUSTOMER_NUMBERS) + SEASON_NUMBERS
        with torch.no_grad():
            self.article_encoder.materialise()
            nothing = self.article_encoder(self.article_codes[:1] * 0)
            self.candidate_tower(nothing, torch.zeros(1, len(Columns.ARTICLE_NUMBERS)))
            one = torch.zeros(1, dtype=torch.int64)
            self.encode_queries(
                QuerySnapshot(
                    as_of_day=None,
                    customers=None,
                    codes=torch.zeros(1, len(Columns.CUSTOMER_CATEGORIES), dtype=torch.int64),
                    numbers=torch.zeros(1, numbers),
                    history_codes=one,
                    history_numbers=torch.zeros(1, len(Columns.HISTORY_NUMBERS)),
                    history_offsets=torch.tensor([0, 1]),
                )
            )
