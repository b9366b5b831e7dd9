"""Find articles by words: name, description, attributes, id.

Stage: beside the page. In: the facts of a version's articles, and which of them are recommended. Out: article ids, the
recommended ones first, then by how well they fit.

SQLite's FTS5 in memory ranks by BM25 (https://www.sqlite.org/fts5.html#the_bm25_function). A word also finds longer
words that begin with it. The index keeps no text, only where words are; one thread at a time uses it.
"""

import re
import sqlite3
import threading
from collections.abc import Collection, Mapping
from typing import NamedTuple

from serving.cache.article_facts import ArticleFacts

WEIGHTS = {
    "name": 8.0,
    "product_type": 4.0,
    "colour": 4.0,
    "department": 2.0,
    "description": 1.0,
    "article_id": 8.0,
    "product_code": 8.0,
}
"""How much a word counts, by where it is found."""
MAX_WORDS = 16  # of a query; more words hardly change what is found


class Found(NamedTuple):
    """Articles found, the recommended ones first, then best first.

    Attributes:
        article_ids: at most as many as were wanted.
        has_all_words: whether each has every word; if no article has, those with any of the words are found.
    """

    article_ids: list[str]
    has_all_words: bool


class ArticleSearch:
    """An index over articles; making it takes seconds for a hundred thousand, so make it in a thread.

    Args:
        facts: of all articles.
        recommended: ids of those in any customer's list, which are few of all that the shop ever sold.
    """

    def __init__(self, facts: Mapping[str, ArticleFacts], recommended: Collection[str] = ()) -> None:
        self._article_ids = sorted(facts, key=lambda article_id: article_id not in recommended)
        self._n_recommended = sum(article_id in recommended for article_id in facts)
        self._lock = threading.Lock()
        self._index = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        columns = ", ".join(WEIGHTS)
        self._index.execute(
            f"CREATE VIRTUAL TABLE articles USING fts5({columns}, content='', tokenize='unicode61 remove_diacritics 2')"
        )
        rows = ((row, *_texts(article_id, facts[article_id])) for row, article_id in enumerate(self._article_ids))
        marks = ", ".join("?" * (len(WEIGHTS) + 1))
        with self._index:
            self._index.execute("BEGIN")
            self._index.executemany(f"INSERT INTO articles(rowid, {columns}) VALUES ({marks})", rows)

    def find(self, text: str, limit: int) -> Found:
        """Return up to `limit` articles that have all words of a text or, if no article has, some of them.

        Any text is valid: all but letters and digits separates words. A text without words finds nothing.
        """
        words = re.findall(r"[^\W_]+", text)[:MAX_WORDS]
        if not words:
            return Found([], True)
        found = self._matching(words, " AND ", limit)
        if found or len(words) == 1:
            return Found(found, True)
        return Found(self._matching(words, " OR ", limit), False)

    def _matching(self, words: list[str], operator: str, limit: int) -> list[str]:
        query = operator.join(f'"{word}"*' for word in words)
        weights = ", ".join(map(str, WEIGHTS.values()))
        order = f"rowid >= ?, bm25(articles, {weights}), rowid"
        statement = f"SELECT rowid FROM articles WHERE articles MATCH ? ORDER BY {order} LIMIT ?"
        with self._lock:
            rows = self._index.execute(statement, (query, self._n_recommended, limit))
            return [self._article_ids[row] for (row,) in rows]


def _texts(article_id: str, about: ArticleFacts) -> tuple[str, ...]:
    """The texts of an article, in the order of `WEIGHTS`."""
    texts = about.name, about.product_type, about.colour, about.department, about.description
    return *texts, article_id, about.product_code
