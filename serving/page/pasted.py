"""Ids as people paste them: with spaces, quotes, or characters that cannot be seen around them.

In: what a person typed or pasted. Out: the same without what is hardly meant.
"""

import unicodedata

QUOTES = "\"'`´“”„‟‘’‚‛«»‹›"
INVISIBLE = "Cf"  # Unicode's category of characters such as zero-width spaces and marks of byte order


def as_meant(text: str) -> str:
    """Return a text without invisible characters, and without spaces and quotes around it.

    >>> as_meant(' \\u200b"customer 7"\\ufeff ')
    'customer 7'
    """
    visible = "".join(each for each in text if unicodedata.category(each) != INVISIBLE)
    while (stripped := visible.strip().strip(QUOTES)) != visible:
        visible = stripped
    return visible
