"""Find articles by words: name, description, attributes, id.

Stage: beside the page. In: the articles' facts of a version, and which of them are recommended. Out: article ids, those
in somebody's list first, then by how well they fit.

SQLite's FTS5 in memory ranks by BM25 (https://www.sqlite.org/fts5.html#the_bm25_function). A word also finds what it
begins. The index keeps no text, only where words are; one thread at a time asks it.
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
"""What a word counts where it is found."""
MOST_WORDS = 16  # of a query; what is beyond finds little more


class Found(NamedTuple):
    """Articles found, those in somebody's list first, then best first.

    Attributes:
        article_ids: at most as many as were wanted.
        has_all_words: whether each has every word; without such an article, those with any of the words are taken.
    """

    article_ids: list[str]
    has_all_words: bool


class ArticleSearch:
    """An index over articles; making it takes seconds for a hundred thousand, so make it in a thread.

    Args:
        facts: of all articles.
        recommended: ids of those that are in somebody's list; a shop sells few of all that it ever sold.
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

    def find(self, text: str, most: int) -> Found:
        """Return up to `most` articles that have all words of a text, or, without any, those with some of them.

        Any text can be asked for: what is neither letter nor digit parts words. A text without words finds nothing.
        """
        words = re.findall(r"[^\W_]+", text)[:MOST_WORDS]
        if not words:
            return Found([], True)
        found = self._matching(words, " AND ", most)
        if found or len(words) == 1:
            return Found(found, True)
        return Found(self._matching(words, " OR ", most), False)

    def _matching(self, words: list[str], operator: str, most: int) -> list[str]:
        query = operator.join(f'"{word}"*' for word in words)
        weights = ", ".join(map(str, WEIGHTS.values()))
        order = f"rowid >= ?, bm25(articles, {weights}), rowid"
        statement = f"SELECT rowid FROM articles WHERE articles MATCH ? ORDER BY {order} LIMIT ?"
        with self._lock:
            rows = self._index.execute(statement, (query, self._n_recommended, most))
            return [self._article_ids[row] for (row,) in rows]


def _texts(article_id: str, about: ArticleFacts) -> tuple[str, ...]:
    """What is known of an article, in the order of `WEIGHTS`."""
    texts = about.name, about.product_type, about.colour, about.department, about.description
    return *texts, article_id, about.product_code
