"""What an article is, as a vector: its own embedding and a projection of its attributes' embeddings.

Both towers read articles through one encoder. In: codes of articles. Out: vectors (n, d), d being `embedding_dim`.
"""

from __future__ import annotations

import merlin.models.torch as mm
import torch
from merlin.schema import Schema
from torch import Tensor, nn

from recommender.columns import Columns
from recommender.features.snapshots import CandidateSnapshot

RESERVED_CODES = 3
"""Padding, missing and unknown; behind them is no article of its own."""
WHOLE_TABLE = 10_000
"""An attribute of up to so many values is projected value by value, one of more article by article."""


class ArticleEncoder(nn.Module):
    """An article's own embedding plus its attributes' embeddings, concatenated and projected.

    Own embeddings start at zero, so an article that was never trained on is exactly its attributes.

    To project what is concatenated is to project each attribute by its columns of the weight and to add up. An
    attribute has fewer values than there are articles, so its table is projected, and what an article's values have
    become there is summed. `product_code` alone can have as many values as there are articles.

    Args:
        schema: has the article id and its attributes.
        embedding_dim: size of an article's vector.
        attribute_dim: size of the embedding of each attribute.
    """

    def __init__(self, schema: Schema, embedding_dim: int, attribute_dim: int):
        super().__init__()
        self.own = mm.EmbeddingTable(embedding_dim, schema.select_by_name(Columns.ARTICLE_ID))
        nn.init.zeros_(self.own.table.weight)
        attributes = schema.select_by_name(list(Columns.ARTICLE_ATTRIBUTES))
        self.attributes = mm.EmbeddingTables(attribute_dim, attributes)
        self.projection = mm.MLPBlock([embedding_dim], activation=None)

    def forward(self, codes: Tensor) -> Tensor:
        """Encode (n, 1 + n_attributes) codes into (n, d) vectors."""
        own, *attributes = codes.unbind(1)
        vectors = self.own(own)
        tables, places, height = [self.projection[1].bias[None]], [torch.zeros_like(own)], 1
        for attribute, (table, weight) in zip(attributes, self._tables_and_weights(), strict=True):
            if len(table) > WHOLE_TABLE:
                vectors = vectors + nn.functional.embedding(attribute, table) @ weight.T
            else:
                tables.append(table @ weight.T)
                places.append(attribute + height)
                height += len(table)
        return vectors + nn.functional.embedding_bag(torch.stack(places, 1), torch.cat(tables), mode="sum")

    def materialise(self) -> None:
        """Give Merlin's lazy projection its shape."""
        nobody = torch.zeros(1, dtype=torch.int64)
        self.projection(self.attributes(dict.fromkeys(Columns.ARTICLE_ATTRIBUTES, nobody)))

    def _tables_and_weights(self) -> list[tuple[Tensor, Tensor]]:
        """Return each attribute's (n_values, attribute_dim) table and its (d, attribute_dim) columns of the weight."""
        tables = {name: self.attributes[name][0].table.weight for name in Columns.ARTICLE_ATTRIBUTES}
        names = sorted(tables)  # the order in which Merlin concatenates
        parts = self.projection[1].weight.split([tables[name].shape[1] for name in names], dim=1)
        weights = dict(zip(names, parts, strict=True))
        return [(tables[name], weights[name]) for name in Columns.ARTICLE_ATTRIBUTES]


def article_code_table(candidates: list[CandidateSnapshot]) -> Tensor:
    """Return what each article code stands for: row c holds code c and the attribute codes of its article.

    Rows of reserved codes have attribute code 0.
    """
    codes = torch.cat([snapshot.codes for snapshot in candidates])
    table = torch.zeros(int(codes[:, 0].max()) + 1, codes.shape[1], dtype=torch.int64)
    table[codes[:, 0]] = codes
    table[:RESERVED_CODES, 1:] = 0
    return table
