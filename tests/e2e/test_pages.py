"""Every page in three languages, light and dark, wide and on a phone: accessible, quiet, no wider than its screen."""

import re

import pytest
from playwright.async_api import Page

from tests.e2e.conftest import Installation, OpenPage, violations

pytestmark = pytest.mark.browser
MARCH = "from=1999-03-01&to=1999-03-07"
PAGES = {
    None: ["/login", "/nowhere"],
    "agent@crewline.example": ["/desk"],
    "supervisor@crewline.example": ["/floor", "/floor?wall=1", "/office"],
    "admin@crewline.example": ["/office/pools", "/office/agents", "/office/imports", "/office/crm", "/office/health"],
    "finance@crewline.example": ["/finance", "/finance?month=1999-03"],
    "manager@ps.example": [
        "/portal/ps",
        f"/portal/ps/reports?{MARCH}&interval=day",
        f"/portal/ps/reports?{MARCH}&interval=30m",
        f"/portal/ps/contacts?{MARCH}",
        "/portal/ps/invoices",
        f"/portal/ps/reports/formulas?{MARCH}",
        "/portal/ps/crm",
        "/portal/nw",
    ],
    "viewer@ps.example": ["/portal/ps", "/portal/ps/invoices"],
}
LOOKS = [
    ("en", "light", 1440),
    ("zh-CN", "dark", 1440),
    ("zh-TW", "light", 390),
    ("en", "dark", 390),
]
LANGUAGES = {"en": "en", "zh-CN": "zh-Hans", "zh-TW": "zh-Hant"}
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: "-".join(map(str, look)))
@pytest.mark.parametrize("login", PAGES)
async def test_pages_are_accessible_and_fit(
    installation: Installation, open_page: OpenPage, login: str | None, look: tuple[str, str, int]
) -> None:
    locale, theme, width = look
    page = await open_page(
        login, locale=locale, color_scheme=theme, viewport={"width": width, "height": 900 if width > 400 else 844}
    )
    for path in PAGES[login]:
        await page.goto(installation.url + path)
        await page.wait_for_load_state("load")
        assert await violations(page) == [], path
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is too wide"
        assert (await page.evaluate("document.documentElement.lang")).startswith(LANGUAGES[locale][:2]), path
        await _speaks(page, path, chinese=locale != "en")


async def test_a_copied_link_shows_the_same_numbers(installation: Installation, open_page: OpenPage) -> None:
    path = f"{installation.url}/portal/ps/reports?{MARCH}&interval=30m&threshold=30"
    tables = []
    for _ in range(2):
        page = await open_page("manager@ps.example")
        await page.goto(path)
        tables.append(await page.locator("main table").inner_text())
    assert tables[0] == tables[1]
    assert len(tables[0]) > 1000


async def _speaks(page: Page, path: str, *, chinese: bool) -> None:
    """The page's own words are in its language: the heading tells."""
    heading = await page.locator("h1").first.inner_text()
    named_after_data = re.match(r"^[\d,.\s–-]*$", heading)
    assert named_after_data or bool(HAN.search(heading)) == chinese, f"{path}: {heading}"
