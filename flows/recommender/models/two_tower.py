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


class ArticleEncoder(nn.Module):
    """What an article is, as a vector: its own embedding plus a projection of its attributes' embeddings.

    Own embeddings start at zero, so an article that was never trained on is exactly its attributes.
    """

    def __init__(self, schema: Schema, settings: TowerSettings):
        super().__init__()
        self.own = mm.EmbeddingTable(settings.embedding_dim, schema.select_by_name(Columns.ARTICLE_ID))
        nn.init.zeros_(self.own.table.weight)
        attributes = schema.select_by_name(list(Columns.ARTICLE_ATTRIBUTES))
        self.attributes = mm.EmbeddingTables(settings.attribute_dim, attributes)
        self.projection = mm.MLPBlock([settings.embedding_dim], activation=None)

    def forward(self, codes: Tensor) -> Tensor:
        """Encode (n, 1 + n_attributes) codes into (n, d) vectors."""
        own, *attributes = codes.unbind(1)
        named = dict(zip(Columns.ARTICLE_ATTRIBUTES, attributes, strict=True))
        return self.own(own) + self.projection(self.attributes(named))


class CandidateTower(nn.Module):
    """An article as of a day, as a vector and a bias."""

    def __init__(self, article_encoder: ArticleEncoder, settings: TowerSettings):
        super().__init__()
        self.article_encoder = article_encoder
        self.hidden = mm.MLPBlock([settings.hidden_dim], dropout=settings.dropout)
        self.shift = nn.Linear(settings.hidden_dim, settings.embedding_dim)
        self.bias = nn.Linear(settings.hidden_dim, 1)

    def forward(self, codes: Tensor, numbers: Tensor) -> Tensor:
        """Encode codes (n, 1 + n_attributes) and numbers (n, n_numbers) into (n, d + 1) vectors, bias last."""
        article = self.article_encoder(codes)
        hidden = self.hidden(torch.cat([article, numbers], dim=1))
        return torch.cat([article + self.shift(hidden), self.bias(hidden)], dim=1)


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

    def forward(self, query: QuerySnapshot, article_codes: Tensor) -> Tensor:
        """Encode n customers into (n, d + 1) vectors whose last coordinate, 1, picks up the candidate's bias.

        Args:
            query: customers as of a day, on the model's device.
            article_codes: (n_codes, 1 + n_attributes) what each article code stands for.
        """
        seen, place = torch.unique(query.history_codes, return_inverse=True)
        articles = self.article_encoder(article_codes[seen])
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
        encoder = ArticleEncoder(candidate_schema, settings)
        self.candidate_tower = CandidateTower(encoder, settings)
        self.query_tower = QueryTower(query_schema, encoder, settings)
        self._materialise()

    def encode_candidates(self, candidates: CandidateSnapshot) -> Tensor:
        """Return (n, d + 1) vectors of a snapshot's articles."""
        return self.candidate_tower(candidates.codes, candidates.numbers)

    def encode_queries(self, queries: QuerySnapshot) -> Tensor:
        """Return (n, d + 1) vectors of a snapshot's customers."""
        return self.query_tower(queries, self.article_codes)

    def _materialise(self) -> None:
        """Give Merlin's lazy layers their shapes by one pass over a row of zeros."""
        numbers = len(Columns.CUSTOMER_NUMBERS) + SEASON_NUMBERS
        with torch.no_grad():
            self.candidate_tower(self.article_codes[:1] * 0, torch.zeros(1, len(Columns.ARTICLE_NUMBERS)))
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


def article_code_table(candidates: list[CandidateSnapshot]) -> Tensor:
    """Return what each article code stands for: row c holds code c and the attribute codes of its article.

    Rows of reserved codes (padding, missing, unknown) have attribute code 0.
    """
    codes = torch.cat([snapshot.codes for snapshot in candidates])
    table = torch.zeros(int(codes[:, 0].max()) + 1, codes.shape[1], dtype=torch.int64)
    table[codes[:, 0]] = codes
    table[:3, 1:] = 0
    return table
