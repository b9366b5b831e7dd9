"""Article ids as integers: ten digits read as a number, so the leading zeros come back.

Stage: codec of `contract`. In: ids as text. Out: uint32, and back.
"""

from collections.abc import Sequence

import numpy as np

ARTICLE_ID_LENGTH = 10
ARTICLE_ID_PATTERN = f"[0-9]{{{ARTICLE_ID_LENGTH}}}"
MAX_ARTICLE_NUMBER = 2**32 - 1


def article_numbers(article_ids: Sequence[str] | np.ndarray) -> np.ndarray:
    """Article ids as uint32 of the same shape; an empty string becomes 0, which means no article.

    Encode the catalogue once and index the result by article position: `article_numbers(catalogue)[positions]`.

    Raises:
        ValueError: an id is not ten digits, or its number is 0 or above 4,294,967,295.
    """
    ids = np.asarray(article_ids, dtype=str)
    numbers = np.array([_article_number(article_id) for article_id in ids.ravel().tolist()], dtype=np.uint32)
    return numbers.reshape(ids.shape)


def article_id_of(article_number: int) -> str:
    """The ten digits of an article number, leading zeros included."""
    return f"{article_number:0{ARTICLE_ID_LENGTH}d}"


def article_ids_of(numbers: Sequence[int]) -> tuple[str, ...]:
    """The ids of many numbers, written as one text and cut: a lookup needs dozens, and this takes half the time."""
    digits = f"%0{ARTICLE_ID_LENGTH}d" * len(numbers) % tuple(numbers)
    return tuple([digits[at : at + ARTICLE_ID_LENGTH] for at in range(0, len(digits), ARTICLE_ID_LENGTH)])


def _article_number(article_id: str) -> int:
    if not article_id:
        return 0
    if len(article_id) != ARTICLE_ID_LENGTH or not (article_id.isascii() and article_id.isdigit()):
        raise ValueError(f"article_id {article_id!r} is not ten digits; keep ids as text, with their leading zeros.")
    number = int(article_id)
    if not 0 < number <= MAX_ARTICLE_NUMBER:
        raise ValueError(
            f"article_id {article_id!r} is outside 0000000001..{MAX_ARTICLE_NUMBER}, the range of the cache format."
        )
    return number
