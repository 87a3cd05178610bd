"""Every figure of the portal is a door: the list behind it is as long as the figure says."""

import csv
import io
import re
from fractions import Fraction
from html import unescape
from http import HTTPStatus

import asyncpg
import httpx
import pytest

from crewline_infra.db import Database
from crewline_reporting.metrics.catalogue import EXAMPLE
from crewline_reporting.metrics.rules import Thresholds
from crewline_reporting.metrics.service_level import SERVICE_LEVELS
from crewline_reporting.records import service as records
from crewline_web.portal.letters import terms
from tests.builders import Tenant, create_queue, create_tenant
from tests.platform.web.conftest import LogIn
from tests.platform.web.portal_scene import DAY, busy_day
from tests.reporting.exports.sheet import read_sheet
from tests.reporting.scenes import worker

HEADING = re.compile(r"<h1>([\d,]+) contacts?</h1>")
CELL = re.compile(r'<td class="n"><a href="([^"]+)">([^<]+)</a>')
COUNT = re.compile(r"[\d,]+")


@pytest.fixture
async def aster(admin: asyncpg.Connection, worker_database: Database) -> Tenant:
    tenant = await create_tenant(admin)
    queue = await create_queue(admin, tenant)
    async with worker_database.transaction(worker(tenant)) as tx:
        await records.append(tx, tenant.id, busy_day(tenant, queue))
    return tenant


@pytest.fixture
async def manager(aster: Tenant, log_in: LogIn) -> httpx.AsyncClient:
    return await log_in("lin@aster.example", ("manager", aster))


async def count_at(client: httpx.AsyncClient, href: str) -> int:
    answer = await client.get(unescape(href))
    assert answer.status_code == HTTPStatus.OK, answer.text
    found = HEADING.search(answer.text)
    assert found is not None, href
    return int(found[1].replace(",", ""))


async def formula_lines(client: httpx.AsyncClient, href: str) -> dict[str, tuple[str, str]]:
    """Metric id to (shown result, the cell with its numbers)."""
    page = await client.get(unescape(href))
    assert page.status_code == HTTPStatus.OK, page.text
    rows = re.findall(
        r'popovertarget="def-(service_level-\w+)-1".*?<strong>([^<]+)</strong></td><td class="n sumup">(.*?)</td>',
        page.text,
        re.DOTALL,
    )
    return {name: (value, cell) for name, value, cell in rows}


async def test_every_link_of_a_row_and_of_the_total_opens_what_it_counts(manager: httpx.AsyncClient) -> None:
    page = await manager.get(f"/portal/aster/reports?from={DAY}&to={DAY}&interval=hour")
    body, _cut, foot = page.text.partition("<tfoot>")
    busiest = max(re.findall(r"<tr data-label=.*?</tr>", body, re.DOTALL), key=lambda row: len(CELL.findall(row)))
    for row in (busiest, foot):
        cells = CELL.findall(row)
        assert len(cells) > 7
        for href, shown in cells:
            behind = await formula_lines(manager, href) if "/formulas?" in href else await count_at(manager, href)
            if COUNT.fullmatch(shown):
                assert behind == int(shown.replace(",", "")), href
            else:
                assert behind, href


async def test_a_share_and_a_mean_open_the_contacts_that_make_them(manager: httpx.AsyncClient) -> None:
    page = await manager.get(f"/portal/aster/reports?from={DAY}&to={DAY}&interval=day")
    cells = [(unescape(href), shown) for href, shown in CELL.findall(page.text.partition("<tfoot>")[2])]
    numbers = [shown for _href, shown in cells]
    offered, answered, abandoned = int(numbers[0]), int(numbers[1]), int(numbers[4])
    rate, asa, aht, longest = cells[-4:]
    assert rate[1] == f"{abandoned / offered * 100:.1f}%"
    assert await count_at(manager, rate[0]) == abandoned
    assert await count_at(manager, asa[0]) == await count_at(manager, aht[0]) == answered
    assert longest[1] == "1:36"  # 95.5 s, half up
    listed = await manager.get(longest[0])
    assert 0 < await count_at(manager, longest[0]) == len(re.findall(r"<td class=\"n\">1:36</td>", listed.text))


@pytest.mark.parametrize("limits", [(20, 5), (5, 5), (3, 10)])
async def test_each_formula_is_worked_out_from_lists_of_that_length(
    manager: httpx.AsyncClient, limits: tuple[int, int]
) -> None:
    threshold, short = limits
    href = f"/portal/aster/reports/formulas?from={DAY}&to={DAY}&threshold={threshold}&short={short}"
    lines = await formula_lines(manager, href)
    assert len(lines) == len(SERVICE_LEVELS) == 11
    for name, (value, cell) in lines.items():
        for link, shown in re.findall(r'<a href="([^"]+)" title="\w+">([^<]+)</a>', cell):
            assert await count_at(manager, link) == int(shown), (name, link)
        text = re.sub(r"<[^>]+>", "", cell).replace("−", "-")
        over, _slash, under = text.partition(" / ")
        result = Fraction(worked(over), worked(under)) * 100
        assert abs(result - Fraction(value.rstrip("%"))) <= Fraction(1, 200), (name, text, value)


def worked(side: str) -> int:
    """'(1 + 2 - 3)' as a number."""
    return sum(int(part.replace(" ", "")) for part in re.findall(r"[+-]? ?\d+", side))


@pytest.mark.parametrize("metric", SERVICE_LEVELS.values(), ids=list(SERVICE_LEVELS))
@pytest.mark.parametrize("short_ms", [5_000, 30_000])
def test_the_letters_add_up_to_the_formula(metric, short_ms: int) -> None:
    tally = (
        EXAMPLE
        if short_ms < 20_000
        else type(EXAMPLE)(answered=8, answered_in_time=5, abandoned=6, abandoned_in_time=3, short_abandoned=5)
    )
    sides = []
    for side in (metric.numerator, metric.denominator):
        found = terms(metric, side, tally, Thresholds(20_000, short_ms))
        sides.append(sum(-term.number if term.sign == "-" else term.number for term in found))
    assert tuple(sides) == metric.parts(tally)


async def test_what_is_late_or_lost_today_is_what_the_chart_shows(manager: httpx.AsyncClient) -> None:
    page = await manager.get(f"/portal/aster?day={DAY}")
    foot = re.search(r"(\d+) offered, (\d+) in time", page.text)
    door = re.search(r'<a href="([^"]+)">Show all (\d+)</a>', page.text)
    assert foot is not None
    assert door is not None
    assert int(foot[1]) - int(foot[2]) == int(door[2]) == await count_at(manager, door[1])
    doors = re.findall(r"<b><a href=\"([^\"]+)\">([\d,]+)</a></b>", page.text)
    assert len(doors) == 4
    for href, shown in doors:
        assert await count_at(manager, href) == int(shown)


async def test_only_contacts_answered_in_time_say_so(admin, worker_database, log_in) -> None:
    tenant = await create_tenant(admin, "birch")
    queue = await create_queue(admin, tenant)
    day = [record for record in busy_day(tenant, queue) if record.outcome == "abandoned" and record.wait_ms < 5_000]
    async with worker_database.transaction(worker(tenant)) as tx:
        await records.append(tx, tenant.id, day)
    page = await (await log_in("bo@birch.example", ("viewer", tenant))).get(f"/portal/birch?day={DAY}")
    assert "were answered in time" not in page.text
    assert f"Show all {len(day)}" in page.text if len(day) > 1 else "Show it in the list" in page.text


async def test_page_files_and_api_say_the_same_totals(manager: httpx.AsyncClient) -> None:
    page = await manager.get(f"/portal/aster/reports?from={DAY}&to={DAY}&interval=day&variant=V3")
    shown = re.findall(r">([\d.,:%s ]+)(?:</a>)?</td>", page.text.partition("<tfoot>")[2])
    links = {kind: unescape(href) for href, kind in re.findall(r'href="(/api/v1/[^"]+format=(\w+))"', page.text)}
    assert set(links) == {"csv", "xlsx"}
    api = (await manager.get(links["csv"].replace("format=csv", "format=json"))).json()["total"]["values"]
    rows = list(csv.reader(io.StringIO((await manager.get(links["csv"])).content.decode("utf-8-sig"))))
    csv_total = dict(zip(rows[rows.index([]) + 1], rows[-1], strict=True))
    sheet = read_sheet((await manager.get(links["xlsx"])).content)
    xlsx_total = dict(zip(sheet.names, sheet.body[-1], strict=True))
    for name in ("offered", "answered", "answered_in_time", "abandoned", "short_abandoned", "V3", "menu_ended"):
        assert float(csv_total[name]) == float(api[name]) == float(xlsx_total[name]), name
    assert float(csv_total["offered"]) == float(shown[0])
    assert f"{float(csv_total['V3']):.1f}%" in shown
    assert xlsx_total["longest_wait"] * 86_400 == pytest.approx(float(api["longest_wait"]))


async def test_a_month_is_offered_where_contacts_are(manager: httpx.AsyncClient) -> None:
    page = await manager.get("/portal/aster/reports?from=2020-01-01&to=2020-01-31")
    assert re.findall(r'from=(\d{4}-\d\d)-01&amp;to=[^"]+interval=day[^"]*"[^>]*>\1', page.text) == ["2026-03"]


@pytest.mark.parametrize(
    "path",
    [
        "/reports?from=2026-03-02&to=2026-03-01",
        "/reports?from=2016-01-01&to=2026-01-01&interval=30m",
        "/reports?threshold=1e99",
        "/reports?variant=V99",
        "/reports?queue=theirs",
        "/reports?last=9d",
        "/reports/formulas?from=2026-03-02&to=2026-03-02&at=yesterday",
        "/contacts?after=garbage",
        "/contacts?not_within=soon",
        "/contacts?in_hours=perhaps",
        "/contacts?queue=theirs",
        "/crm?only=lost",
        "/crm?before=garbage",
        "?day=9999-12-31",
        "?day=tomorrow",
    ],
)
async def test_an_odd_address_is_explained(manager: httpx.AsyncClient, path: str) -> None:
    answer = await manager.get(f"/portal/aster{path}")
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "<h1" in answer.text
    assert "Traceback" not in answer.text


async def test_outsiders_find_no_door(aster: Tenant, admin: asyncpg.Connection, log_in: LogIn) -> None:
    birch = await create_tenant(admin, "birch")
    outsider = await log_in("bo@birch.example", ("manager", birch))
    for path in ("/reports/formulas", "/crm", "/reports", "/contacts"):
        foreign = await outsider.get(f"/portal/aster{path}")
        missing = await outsider.get(f"/portal/nobody{path}")
        assert (foreign.status_code, missing.status_code) == (404, 404)
