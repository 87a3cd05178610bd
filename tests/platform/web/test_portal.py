"""The tenant's portal: every figure opens into exactly the contacts that it counts."""

import csv
import io
import re
from datetime import timedelta
from html import unescape
from http import HTTPStatus
from uuid import UUID

import asyncpg
import httpx
import pytest

from crewline_infra.db import Database
from crewline_reporting.records import service as records
from crewline_reporting.records.rules import Record
from tests.builders import Tenant, create_queue, create_tenant
from tests.platform.web.conftest import LogIn
from tests.reporting.scenes import MORNING, make_record, worker

DAY = "2026-03-02"
LINK = re.compile(r'<a href="(/portal/aster/contacts\?[^"]+)">([\d,]+)</a>')
HEADING = re.compile(r"<h1>([\d,]+) contacts?</h1>")


@pytest.fixture
async def aster(admin: asyncpg.Connection, worker_database: Database) -> Tenant:
    """120 contacts on one day: every third is abandoned, every fourth waits 30 s, two never reach the queue."""
    tenant = await create_tenant(admin)
    queue = await create_queue(admin, tenant)
    async with worker_database.transaction(worker(tenant)) as tx:
        await records.append(tx, tenant.id, list(scene(tenant, queue)))
    return tenant


def scene(tenant: Tenant, queue: UUID) -> list[Record]:
    found = [
        make_record(tenant, "menu", "menu_ended", wait_ms=0),
        make_record(tenant, "phantom", "excluded", wait_ms=0),
    ]
    for number in range(118):
        found.append(
            make_record(
                tenant,
                f"c{number}",
                "abandoned" if number % 3 == 0 else "answered",
                at=MORNING + timedelta(minutes=4 * number),
                wait_ms=30_000 if number % 4 == 0 else 3_000 if number % 5 == 0 else 8_000,
                queue_id=queue,
                customer_ref="+86 138 0013 8000",
                agent_alias="Agent K",
            )
        )
    return found


async def manager(log_in: LogIn, tenant: Tenant) -> httpx.AsyncClient:
    return await log_in("lin@aster.example", ("manager", tenant))


async def count_at(client: httpx.AsyncClient, href: str) -> int:
    answer = await client.get(href)
    assert answer.status_code == HTTPStatus.OK, answer.text
    found = HEADING.search(answer.text)
    assert found is not None
    return int(found[1].replace(",", ""))


@pytest.mark.parametrize("interval", ["30m", "day"])
async def test_every_count_of_a_report_opens_into_as_many_contacts(aster: Tenant, log_in: LogIn, interval: str) -> None:
    client = await manager(log_in, aster)
    page = await client.get(f"/portal/aster/reports?from={DAY}&to={DAY}&interval={interval}")
    doors = {(unescape(href), int(shown.replace(",", ""))) for href, shown in LINK.findall(page.text)}
    assert len(doors) > (4 if interval == "day" else 40)
    for href, shown in doors:
        assert await count_at(client, href) == shown, href


async def test_the_total_row_is_the_sum_of_the_rows(aster: Tenant, log_in: LogIn) -> None:
    client = await manager(log_in, aster)
    page = await client.get(f"/portal/aster/reports?from={DAY}&to={DAY}&interval=30m")
    body, _cut, foot = page.text.partition("<tfoot>")
    offered = [int(cell) for cell in re.findall(r'</th><td class="n">(?:<a [^>]+>)?(\d+)', body)]
    total = re.search(r'</th><td class="n"><a [^>]+>(\d+)', foot)
    assert total is not None
    assert sum(offered) == int(total[1]) == 118


async def test_pages_of_a_list_hold_every_contact_once(aster: Tenant, log_in: LogIn) -> None:
    client = await manager(log_in, aster)
    href, seen = f"/portal/aster/contacts?from={DAY}&to={DAY}", []
    for _page in range(3):
        answer = await client.get(href)
        seen += re.findall(r'<tr data-href="/portal/aster/contacts/([0-9a-f-]{36})"', answer.text)
        more = re.search(r'<a class="btn small" href="(\?[^"]+)"', answer.text)
        href = f"/portal/aster/contacts{unescape(more[1])}" if more else ""
    assert href == ""
    assert len(seen) == len(set(seen)) == 120


async def test_the_file_says_what_the_page_says(aster: Tenant, log_in: LogIn) -> None:
    client = await manager(log_in, aster)
    page = await client.get(f"/portal/aster/reports?from={DAY}&to={DAY}&interval=day")
    link = re.search(r'href="(/api/v1/tenants/[^"]+format=csv)"', page.text)
    assert link is not None
    text = (await client.get(unescape(link[1]))).text.lstrip("\ufeff")
    rows = list(csv.reader(io.StringIO(text)))
    header = next(row for row in rows if row and row[0] == "interval")
    total = dict(zip(header, rows[-1], strict=True))
    assert total["offered"] == "118"
    assert f"{float(total['V4']):.1f}%" in page.text


async def test_an_address_tells_the_same_numbers_to_everybody(
    aster: Tenant, admin: asyncpg.Connection, log_in: LogIn
) -> None:
    href = f"/portal/aster/reports?from={DAY}&to={DAY}&interval=30m&variant=V1&threshold=10&queue=main"
    figures = re.compile(r'<td class="n">(?:<a [^>]+>)?([^<]*)')
    first = await (await manager(log_in, aster)).get(href)
    second = await (await log_in("sam@op.example", ("supervisor", None))).get(href)
    assert figures.findall(first.text) == figures.findall(second.text) != []


async def test_a_contact_shows_its_time_and_hides_its_customer(aster: Tenant, log_in: LogIn) -> None:
    client = await manager(log_in, aster)
    listed = await client.get(f"/portal/aster/contacts?from={DAY}&to={DAY}&outcome=answered")
    contact = re.search(r"/portal/aster/contacts/([0-9a-f-]{36})", listed.text)
    assert contact is not None
    answer = await client.get(f"/portal/aster/contacts/{contact[1]}")
    assert answer.status_code == HTTPStatus.OK
    assert "1:00.000" in answer.text
    assert "••••8000" in answer.text
    assert "138 0013" not in answer.text + listed.text


async def test_a_viewer_sees_figures_but_no_invoices_and_takes_no_contacts_away(aster: Tenant, log_in: LogIn) -> None:
    viewer = await log_in("view@aster.example", ("viewer", aster))
    page = await viewer.get(f"/portal/aster/contacts?from={DAY}&to={DAY}")
    assert page.status_code == HTTPStatus.OK
    assert "/invoices" not in page.text
    assert "format=csv" not in page.text
    assert (await viewer.get("/portal/aster/invoices")).status_code == HTTPStatus.FORBIDDEN
    url = f"/api/v1/tenants/{aster.id}/contacts?from={DAY}&to={DAY}&format=csv"
    assert (await viewer.get(url)).status_code == HTTPStatus.FORBIDDEN
    contact = re.search(r"/portal/aster/contacts/[0-9a-f-]{36}", page.text)
    assert contact is not None
    assert "What this contact used" not in (await viewer.get(contact[0])).text


async def test_another_tenants_contact_is_not_there(aster: Tenant, admin: asyncpg.Connection, log_in: LogIn) -> None:
    contact = await admin.fetchval("select contact_id from record limit 1")
    outsider = await log_in("bo@birch.example", ("manager", await create_tenant(admin, "birch")))
    assert (await outsider.get(f"/portal/aster/contacts/{contact}")).status_code == HTTPStatus.NOT_FOUND
    assert (await outsider.get(f"/portal/birch/contacts/{contact}")).status_code == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    "query",
    ["from=2026-02-30", "from=2026-03-02&to=2026-03-01", "interval=week", "threshold=x", "queue=none", "variant=V77"],
)
async def test_an_address_that_does_not_fit_says_what_is_wrong(aster: Tenant, log_in: LogIn, query: str) -> None:
    answer = await (await manager(log_in, aster)).get(f"/portal/aster/reports?{query}")
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "Something does not fit" in answer.text


async def test_nothing_yet_and_zero_are_told_apart(aster: Tenant, admin: asyncpg.Connection, log_in: LogIn) -> None:
    client = await manager(log_in, aster)
    zero = await client.get("/portal/aster/contacts?from=2026-03-01&to=2026-03-01")
    assert "None of your contacts fits these filters." in zero.text
    fresh = await create_tenant(admin, "birch")
    other = await log_in("bo@birch.example", ("manager", fresh))
    assert "No contacts yet" in (await other.get("/portal/birch/contacts")).text
    assert (await other.get("/portal/birch")).status_code == HTTPStatus.OK
    assert "No invoices yet" in (await other.get("/portal/birch/invoices")).text
