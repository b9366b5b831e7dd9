"""A person's path through the page in a headless Chromium, on a desktop and on a phone, without scripts, with the keys
alone; and what axe-core (https://github.com/dequelabs/axe-core) finds in the way of those who do not see or point."""

from urllib.parse import urlencode

import boutique
import pytest
from axe_playwright_python.sync_playwright import Axe
from headless_browser import DESKTOP, PHONE, SMALL_PHONE, WIDER_THAN_THE_WINDOW, is_blank, visit

CUSTOMER, ODD = boutique.customer_ids(40)[3], boutique.ODD_IDS[0]
PAGES = {
    "home": "/",
    "customer": f"/page/customer?{urlencode({'id': CUSTOMER})}",
    "stranger": f"/page/customer?{urlencode({'id': 'x' * 128})}",
    "odd": f"/page/customer?{urlencode({'id': ODD})}",
    "article": f"/page/article?id={boutique.NUMBERS[13]:010d}",
    "search": "/page/search?q=black",
    "nothing found": "/page/search?q=zzz",
    "missing": "/page/article?id=1",
    "no page": "/page/nonsense",
    "pasted": f"/page/customer?{urlencode({'id': ' ' + CUSTOMER})}",
    "api": "/docs",
}
FOCUSED = "() => document.activeElement.outerHTML"
FOCUSABLE = "() => [...document.querySelectorAll('a, input:not([type=hidden]), select, button')].map(e => e.outerHTML)"
IS_OUTLINED = """() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
}"""


@pytest.fixture(scope="module")
def at(shop):
    """`at(path)`: the whole address of a page."""
    return lambda path: str(shop.base_url.join(path))


@pytest.mark.parametrize(
    ("viewport", "has_scripts"), [(DESKTOP, True), (PHONE, False)], ids=["desktop", "phone without scripts"]
)
def test_a_person_finds_the_way(browser, at, viewport, has_scripts):
    with visit(browser, at("/"), viewport, java_script_enabled=has_scripts) as opened:
        page = opened.page
        page.get_by_role("link", name="Pick one at random").click()
        assert page.get_by_role("heading", level=1).inner_text().startswith("Customer")
        _is_drawn(page)
        page.get_by_role("region", name="Recommendations").get_by_role("link").first.click()
        article = page.get_by_role("heading", level=1).inner_text()
        page.get_by_role("region", name="Similar articles").get_by_role("link").nth(2).click()
        similar = page.get_by_role("heading", level=1).inner_text()
        _is_drawn(page)
        page.get_by_role("searchbox", name="Search articles").fill("black dress")
        page.get_by_role("button", name="Search").click()
        assert page.get_by_role("rowheader").first.inner_text().startswith(("Luna dress", "Mika dress"))
        _is_drawn(page)
        page.go_back()
        assert page.get_by_role("heading", level=1).inner_text() == similar
        page.go_back()
        assert page.get_by_role("heading", level=1).inner_text() == article
        page.get_by_role("region", name="Who gets it").get_by_role("link").first.click()
        assert page.get_by_role("cell", name="bought before").count() >= 1
        origin = at("/")
        assert all(address.startswith(origin) for address in opened.requests)
        assert opened.complaints == []


def test_a_customer_with_an_odd_id_can_be_typed(browser, at):
    with visit(browser, at("/")) as opened:
        page = opened.page
        page.get_by_role("textbox", name="Customer id").fill(ODD)
        page.get_by_role("button", name="Show").first.click()
        assert page.get_by_role("heading", level=1).inner_text() == f"Customer {ODD}"
        assert "own list" in page.inner_text("main")
        assert page.locator("script").count() == 0 and opened.complaints == []


def test_another_version_stays_chosen_from_page_to_page(browser, at, versions):
    with visit(browser, at(PAGES["article"])) as opened:
        page = opened.page
        page.get_by_label("Show version").select_option(versions[1])
        page.get_by_role("button", name="Switch").click()
        assert page.get_by_role("heading", level=1).inner_text() == "Mika dress"
        page.get_by_role("searchbox").fill("dress")
        page.get_by_role("button", name="Search").click()
        page.get_by_role("rowheader").first.get_by_role("link").click()
        page.get_by_role("link", name="Recommendations demo").click()
        assert page.get_by_label("Show version").input_value() == versions[1]
        assert "Preview." in page.inner_text("body")
        page.get_by_role("link", name="Show the served one").click()
        assert "Preview." not in page.inner_text("body")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE, SMALL_PHONE], ids=["desktop", "phone", "small phone"])
def test_no_page_is_blank_or_wider_than_the_window(browser, at, viewport):
    with visit(browser, at("/"), viewport) as opened:
        for path in PAGES.values():
            opened.page.goto(at(path))
            _is_drawn(opened.page)


def test_axe_finds_nothing_serious(browser, at):
    with visit(browser, at("/"), bypass_csp=True) as opened:
        for name, path in PAGES.items():
            opened.page.goto(at(path))
            assert _serious(opened.page) == [], name
            opened.page.emulate_media(color_scheme="dark")
            assert _serious(opened.page, ["color-contrast"]) == [], name
            opened.page.emulate_media(color_scheme="light")


def test_axe_finds_what_is_wrong(browser, at):
    with visit(browser, at("/"), bypass_csp=True) as opened:
        opened.page.evaluate("document.querySelectorAll('label').forEach(each => each.remove())")
        opened.page.add_style_tag(content=".quiet, .lead { color: #bbb }")
        assert {"label", "select-name", "color-contrast"} <= set(_serious(opened.page))


@pytest.mark.parametrize("name", ["home", "customer", "article", "search"])
def test_the_keys_alone_reach_everything_and_the_focus_is_seen(browser, at, name):
    with visit(browser, at(PAGES[name])) as opened:
        page, reached = opened.page, []
        wanted = page.evaluate(FOCUSABLE)
        for _ in wanted:
            page.keyboard.press("Tab")
            reached.append(page.evaluate(FOCUSED))
            assert page.evaluate(IS_OUTLINED), reached[-1]
        assert reached == wanted
        page.goto(at(PAGES[name]))
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"


def test_the_search_is_sent_by_the_enter_key(browser, at):
    with visit(browser, at("/"), java_script_enabled=False) as opened:
        opened.page.get_by_role("searchbox").fill("umbrella")
        opened.page.keyboard.press("Enter")
        opened.page.wait_for_url("**/page/search?q=umbrella")
        assert opened.page.get_by_role("rowheader").inner_text().startswith("Vera umbrella")


def _is_drawn(page) -> None:
    assert not is_blank(page.screenshot())
    assert page.evaluate(WIDER_THAN_THE_WINDOW) == []


def _serious(page, rules: list[str] | None = None) -> list[str]:
    """What axe-core calls serious or critical, by all its rules or some."""
    options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
    violations = Axe().run(page, options=options).response["violations"]
    return [each["id"] for each in violations if each["impact"] in ("serious", "critical")]
