"""Pages from templates: every value is escaped, every link keeps the version that is shown.

In: a template and plain values. Out: an HTML response.
"""

from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from serving.settings import Settings

FOLDER = Path(__file__).parent


def link(path: str, root: str = "", **parameters: str | None) -> str:
    """Return an address below `/page` for any texts; parameters without a value are left out.

    Args:
        root: `ROOT_PATH`, under which a proxy publishes the pages.

    >>> link("article", id="a b&c", version=None)
    '/page/article?id=a+b%26c'
    """
    given = {name: value for name, value in parameters.items() if value}
    return f"{root}/page/{path}" + (f"?{urlencode(given)}" if given else "")


@cache
def _templates() -> Environment:
    loader = FileSystemLoader(FOLDER / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def render(
    request: Request, template: str, status: int = 200, headers: dict[str, str] | None = None, **values: Any
) -> Response:
    """Return a page made from a template."""
    settings: Settings = request.app.state.settings
    shared = {
        "dataset": settings.dataset,
        "root": settings.root_path,
        "link": partial(link, root=settings.root_path),
        "q": "",
        "manifest": None,
        "choices": [],
        "preview": None,
        "variant": None,
        "here": "",
        "hidden": {},
        "has_search": False,
    }
    return HTMLResponse(_templates().get_template(template).render(shared | values), status, headers)
