"""Where an article's picture is: at an address made from its id, or in a folder that this server serves.

In: `IMAGES_URL`. Out: addresses of pictures, and where a page may load them from. `{article_id}` in an address is the
id, `{article_id:.3}` its first three digits; a folder holds `0108775015.jpg` or, as H&M's, `010/0108775015.jpg`.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

from serving.cache.article_numbers import ARTICLE_ID_PATTERN
from serving.settings import SettingsError

EXAMPLE = "0108775015"


class Pictures:
    """The pictures of articles.

    Args:
        images_url: empty, a template of an http or https address, or a folder.
        root_path: under which a proxy publishes this server.

    Raises:
        SettingsError: `IMAGES_URL` is anything else; the message says what is wrong.
    """

    def __init__(self, images_url: str, root_path: str = "") -> None:
        self._root_path = root_path
        self._template, self._folder, self.origin = "", None, ""
        if re.match("https?://", images_url):
            self._template, self.origin = images_url, _origin_of(images_url)
        elif images_url:
            self._folder = Path(images_url)
            if not self._folder.is_dir():
                raise SettingsError(
                    f"IMAGES_URL: {images_url!r} is neither a folder nor an address with {{article_id}} in it"
                )

    def address(self, article_id: str) -> str | None:
        """Return the address of an article's picture, None without one."""
        if not re.fullmatch(ARTICLE_ID_PATTERN, article_id):
            return None
        if self._template:
            return self._template.format(article_id=article_id)
        return f"{self._root_path}/images/{article_id}.jpg" if self.file(article_id) else None

    def file(self, article_id: str) -> Path | None:
        """Return an article's picture in the folder, None without one."""
        if self._folder is None or not re.fullmatch(ARTICLE_ID_PATTERN, article_id):
            return None
        places = self._folder / f"{article_id}.jpg", self._folder / article_id[:3] / f"{article_id}.jpg"
        return next((place for place in places if place.is_file()), None)


def _origin_of(template: str) -> str:
    """Return scheme and host of a template, as a Content-Security-Policy names them."""
    try:
        differs = template.format(article_id=EXAMPLE) != template.format(article_id="")
    except (LookupError, ValueError):
        differs = False
    parts = urlsplit(template)
    if not differs or not re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]+)?", parts.netloc):
        raise SettingsError(
            f"IMAGES_URL: {template!r} must have a plain host and {{article_id}}, as in https://host/{{article_id}}.jpg"
        )
    return f"{parts.scheme}://{parts.netloc}"
