"""A headless Chromium for tests of pages, and what any page must be: drawn, within its window, and of one origin.

The browser is the machine's own; Playwright drives it, and brings none. Its profile is new for every launch.
"""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SMALL_PHONE = {"width": 320, "height": 568}

WIDER_THAN_THE_WINDOW = """() => {
  const scrolls = element => ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);
  const isReached = element => {
    for (let outer = element; outer; outer = outer.parentElement) if (scrolls(outer)) return true;
    return false;
  };
  const found = [...document.querySelectorAll('body *')].filter(element => {
    const box = element.getBoundingClientRect();
    return box.width > 1 && (box.right > innerWidth + 0.5 || box.left < -0.5) && !isReached(element);
  });
  return found.map(element => element.tagName + ' ' + element.textContent.slice(0, 40));
}"""


@dataclass
class Visit:
    """A page in a window, and what the browser told of it."""

    page: "playwright.sync_api.Page"  # noqa: F821  imported only where a browser is
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def running_browser() -> Iterator["playwright.sync_api.Browser"]:  # noqa: F821
    """The machine's Chromium, or a skipped test that says what to install."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is on the PATH; apt-get install chromium brings one")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def visit(browser, address: str, viewport: dict[str, int] = DESKTOP, **context) -> Iterator[Visit]:
    """A page opened in a fresh context; `context` as `Browser.new_context` takes it."""
    with browser.new_context(viewport=viewport, **context) as opened:
        page = opened.new_page()
        visited = Visit(page)
        page.on("console", lambda said: said.type == "error" and visited.complaints.append(said.text))
        page.on("pageerror", lambda error: visited.complaints.append(str(error)))
        page.on("request", lambda request: visited.requests.append(request.url))
        page.goto(address)
        yield visited


def share_drawn(screenshot: bytes) -> tuple[float, int]:
    """Return how much of a PNG is not of its commonest colour, from 0 to 1, and how many colours it has."""
    from PIL import Image

    image = Image.open(io.BytesIO(screenshot)).convert("RGB")
    counts = image.getcolors(image.width * image.height)
    return 1 - max(count for count, _ in counts) / (image.width * image.height), len(counts)


def is_blank(screenshot: bytes) -> bool:
    """Whether nothing that could be read is drawn: a page of text has 5% ink and more, and smoothed edges' shades."""
    share, colours = share_drawn(screenshot)
    return share < 0.01 or colours < 16
