"""The one owner of article ids inside the flow: external ids on the outside, row numbers on the inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Catalogue:
    """All articles that were ever sold before the cutoff, in ascending order of their ids.

    Attributes:
        article_ids: (n,) array of str, ascending; an article's position is its row number here.
    """

    article_ids: np.ndarray

    @classmethod
    def of(cls, article_ids: pa.ChunkedArray) -> Catalogue:
        """Make the catalogue of the distinct ids in a column."""
        return cls(np.sort(np.asarray(pc.unique(article_ids).to_pylist(), dtype=object)))

    def __len__(self) -> int:
        return len(self.article_ids)

    def positions_of(self, article_ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Return the (n,) int64 positions of some ids; of a dictionary column each word is looked up once a chunk.

        Raises:
            KeyError: when an id is not in the catalogue.
        """
        if pa.types.is_dictionary(article_ids.type):
            chunks = article_ids.chunks if isinstance(article_ids, pa.ChunkedArray) else [article_ids]
            found = (self.positions_of(each.dictionary)[each.indices.to_numpy()] for each in chunks)
            return np.concatenate([np.empty(0, np.int64), *found])
        positions = pc.index_in(article_ids, value_set=pa.array(self.article_ids, pa.string()))
        if positions.null_count:
            stranger = article_ids.filter(pc.is_null(positions))[0].as_py()
            raise KeyError(f"article {stranger} was never sold before the cutoff, so the catalogue lacks it")
        return positions.to_numpy().astype(np.int64)
