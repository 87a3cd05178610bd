"""The first line, as its people live it: a call, a script, a record, a report, an invoice, a statement, a CRM."""

import gzip
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import Installation, OpenPage, violations

pytestmark = pytest.mark.browser
OFFER_MS = 300_000
MONTH = "1999-03"
NOTE = "Told the caller everything."


async def test_an_agent_s_call_reaches_the_tenant_s_crm(installation: Installation, open_page: OpenPage) -> None:
    """By keyboard alone: available, accept, script with a branch and a form, result, finish; then the CRM has it."""
    page = await open_page("agent@crewline.example")
    await page.keyboard.press("Alt+a")
    await expect(page.get_by_role("button", name="Accept")).to_be_visible(timeout=OFFER_MS)
    await page.keyboard.press("Alt+a")
    await expect(page.get_by_text("pinned")).to_be_visible()
    tenant = await page.locator("article.card .tag").first.inner_text()
    assert await violations(page) == []
    while await page.locator("[data-continue]").count():
        await _answer_step(page)
    await page.keyboard.press("Alt+n")
    await page.keyboard.type(NOTE)
    await page.keyboard.press("Alt+e")
    await page.locator("select[name=disposition_id]").select_option(index=1)
    await expect(page.locator("button", has_text="Finish")).to_be_visible()
    await page.keyboard.press("Alt+f")
    await expect(page.get_by_text("You are available")).to_be_visible()
    assert tenant not in await page.locator("main").inner_text(), "nothing of the tenant stays on the screen"
    received = _until(lambda: _mine(installation.crm()))
    assert len(received) == 1
    assert received[0]["disposition"]
    assert received[0]["script"]["answers"]


async def test_a_supervisor_sees_the_floor_live(open_page: OpenPage) -> None:
    page = await open_page("supervisor@crewline.example")
    await expect(page.get_by_text(re.compile("Live"))).to_be_visible()
    await expect(page.locator("main table").get_by_text("Cedar Bank")).to_be_visible()
    talking = page.locator("main .kpi", has_text="In conversation").locator(".val")
    await expect(talking).not_to_have_text("0", timeout=OFFER_MS)
    await expect(page.locator("main .agrp", has_text="Talking")).to_be_visible()


async def test_every_level_of_the_portal_adds_up(open_page: OpenPage, installation: Installation) -> None:
    """A day's figure opens into as many contacts as it says."""
    page = await open_page("manager@ps.example")
    await page.goto(f"{installation.url}/portal/ps/reports?from=1999-03-01&to=1999-03-07&interval=day")
    row = page.locator("main table tbody tr").first
    answered = int((await row.locator("td").nth(2).inner_text()).replace(",", ""))
    assert answered > 50
    await row.locator("td").nth(2).get_by_role("link").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(rf"^{answered:,}\b|^{answered}\b"))
    await page.locator("main table tbody tr a").first.click()
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await expect(page.locator("main")).to_contain_text("1999")
    assert await violations(page) == []


async def test_finance_closes_a_month_that_the_tenant_can_recompute(
    open_page: OpenPage, installation: Installation, tmp_path: Path
) -> None:
    page = await open_page("finance@crewline.example")
    await page.goto(f"{installation.url}/finance?tenant=nw&month={MONTH}")
    await page.get_by_role("button", name="Run draft").first.click()
    await expect(page.get_by_role("heading", name="Invoice draft")).to_be_visible()
    assert await violations(page) == []
    confirm = page.locator("input[name=confirm]")
    await expect(confirm).to_be_visible()
    await confirm.fill(f"nw {MONTH}")
    await page.get_by_role("button", name=re.compile("Issue")).last.click()
    await expect(page.get_by_role("heading", name=re.compile(r"Invoice CL-\d{6}"))).to_be_visible()
    assert await violations(page) == []
    async with page.expect_download() as download:
        await page.get_by_role("link", name=re.compile("statement", re.IGNORECASE)).first.click()
    statement = tmp_path / "nw.statement.gz"
    await (await download.value).save_as(statement)
    verified = installation.crewline("verify", str(statement), "--format", "json")
    assert verified.returncode == 0, verified.stdout
    stated = gzip.decompress(statement.read_bytes())
    first_amount = re.compile(rb'"amount":"(\d)')
    assert first_amount.search(stated), "the statement must state amounts, else nothing was changed"
    changed = tmp_path / "changed.statement"
    changed.write_bytes(first_amount.sub(rb'"amount":"9\1', stated, count=1))
    refused = installation.crewline("verify", str(changed), "--format", "json")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["findings"]


async def test_a_viewer_sees_reports_and_no_invoices(open_page: OpenPage, installation: Installation) -> None:
    page = await open_page("viewer@ps.example")
    await page.goto(f"{installation.url}/portal/ps/reports?from=1999-03-01&to=1999-03-07")
    await expect(page.locator("main table")).to_be_visible()
    forbidden = await page.goto(f"{installation.url}/portal/ps/invoices")
    assert forbidden is not None
    assert forbidden.status == 403
    foreign = await page.goto(f"{installation.url}/portal/nw")
    missing = await page.goto(f"{installation.url}/portal/nobody")
    assert foreign is not None
    assert missing is not None
    assert foreign.status == missing.status == 404


def test_the_installation_is_healthy(installation: Installation) -> None:
    checked = installation.crewline("doctor", "--format", "json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    again = installation.crewline("up")
    assert again.returncode == 2
    assert again.stderr.count("\n") == 1, again.stderr


async def _answer_step(page: Page) -> None:
    """Fill what the open step asks for: text fields by typing, choices by their digit, then Ctrl+Enter."""
    step = page.locator("li.now form")
    before = await step.locator("input[name=step]").get_attribute("value")
    for field in await step.locator("input[type=text], input[type=tel], textarea").all():
        await field.fill("Chen Yulan")
    for field in await step.locator("input[type=date]").all():
        await field.fill("2026-12-01")
    for field in await step.locator("input[type=number]").all():
        await field.fill("1")
    for group in await step.locator("fieldset").all():
        await group.locator("input[type=radio]").first.check()
    for choice in await step.locator("select").all():
        await choice.select_option(index=1)
    await page.keyboard.press("Control+Enter")
    await page.wait_for_function(
        "before => document.querySelector('li.now form input[name=step]')?.value !== before", arg=before
    )


def _mine(received: Any) -> list[dict[str, Any]]:
    """This test's contact in what the tenants' CRMs hold, of whichever tenant it was."""
    facts = [one["data"] for crm in received.values() for one in crm["latest"]]
    return [one for one in facts if one["note"] == NOTE]


def _until(ask: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer
