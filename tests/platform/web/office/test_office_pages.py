"""The operator's office: tenants by risk, pools, agents, imports, CRM feeds, health; outsiders see nothing."""

import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from http import HTTPStatus

import asyncpg
import pytest

from crewline_app.doctor import Finding
from crewline_infra.clock import Clock
from crewline_infra.db import Database
from crewline_infra.ids import new_id
from crewline_infra.settings import Settings
from crewline_reporting.records import service as records
from tests.builders import CREATED, Tenant, create_agent, create_pool, create_queue, create_tenant, share_pool
from tests.platform.web.conftest import LogIn, csrf_of
from tests.reporting.scenes import MORNING, make_record, worker

PAGES = ("", "/pools", "/agents", "/imports", "/crm", "/health")
FILES = ("/tenants/export", "/pools/export", "/agents/export", "/crm/export")


async def contacts(worker_database: Database, admin: asyncpg.Connection, tenant: Tenant, late: int) -> None:
    """Ten contacts on the morning of the clock's day, `late` of them answered after 30 s."""
    queue = await create_queue(admin, tenant)
    found = [
        make_record(
            tenant,
            f"c{n}",
            at=MORNING + timedelta(minutes=n),
            wait_ms=30_000 if n < late else 8_000,
            queue_id=queue,
        )
        for n in range(10)
    ]
    async with worker_database.transaction(worker(tenant)) as tx:
        await records.append(tx, tenant.id, found)


@pytest.fixture
async def tenants(admin: asyncpg.Connection, worker_database: Database) -> Sequence[Tenant]:
    """Aster keeps its promise of 80 %, Birch does not, Cedar has no contacts."""
    made = [await create_tenant(admin, slug) for slug in ("aster", "birch", "cedar")]
    await contacts(worker_database, admin, made[0], late=1)
    await contacts(worker_database, admin, made[1], late=5)
    return made


async def test_tenants_are_listed_by_risk_with_today_and_the_month(tenants: Sequence[Tenant], log_in: LogIn) -> None:
    client = await log_in("a@op.example", ("admin", None))
    html = (await client.get("/office")).text
    places = [html.index(f'href="/portal/{slug}"') for slug in ("birch", "aster", "cedar")]
    assert places == sorted(places)
    assert "Below target" in html
    assert "50.0%" in html
    assert "90.0%" in html
    rows = list(csv.reader(io.StringIO((await client.get("/office/tenants/export")).text)))
    table = {row[0]: row for row in rows if row and row[0] in {"aster", "birch", "cedar"}}
    assert table["birch"][3:6] == ["50.00", "10", "0"]
    assert table["aster"][6:9] == ["90.00", "10", "0"]
    assert table["cedar"][3:5] == ["N/A", "0"]


async def test_a_month_without_contacts_points_to_the_last_one_with(tenants: Sequence[Tenant], log_in: LogIn) -> None:
    client = await log_in("s@op.example", ("supervisor", None))
    html = (await client.get("/office?month=2026-05")).text
    assert "No contact entered a queue in May 2026." in html
    assert 'href="?month=2026-03"' in html
    wrong = await client.get("/office?month=May")
    assert wrong.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "write it as 1999-03" in wrong.text


async def test_pools_show_their_shares_and_promise_too_much_aloud(admin: asyncpg.Connection, log_in: LogIn) -> None:
    tenant, pool = await create_tenant(admin), await create_pool(admin)
    await share_pool(admin, pool, tenant, share="2", floor_seats=3)
    await create_agent(admin, pool_id=pool, tenants=(tenant,))
    client = await log_in("s@op.example", ("supervisor", None))
    html = (await client.get("/office/pools")).text
    assert "Aster" in html
    assert "More seats are guaranteed (3) than the pool has agents (1)." in html


async def test_agents_are_searched_filtered_and_paged(admin: asyncpg.Connection, log_in: LogIn) -> None:
    pool = await create_pool(admin)
    for n in range(60):
        await create_agent(admin, f"Agent {n:02}", pool_id=pool if n % 2 else None)
    client = await log_in("s@op.example", ("supervisor", None))
    first = (await client.get("/office/agents")).text
    assert "50 of 60" in first
    assert "Agent 49" in first
    assert "Agent 50" not in first
    second = (await client.get("/office/agents?after=Agent 49")).text
    assert "Agent 59" in second
    assert "30 of 30" in (await client.get(f"/office/agents?pool={pool}")).text
    assert "No agent of that name" in (await client.get("/office/agents?q=nobody")).text
    assert (await client.get("/office/agents?pool=x")).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert (await client.get("/office/agents/export?q=agent 0")).text.count("Agent 0") == 10
    book = await client.get("/office/agents/export?format=xlsx")
    assert book.content.startswith(b"PK")
    assert (await client.get("/office/agents/export?format=doc")).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


async def test_import_runs_count_every_row_once(admin: asyncpg.Connection, log_in: LogIn) -> None:
    client = await log_in("a@op.example", ("admin", None))
    assert "Nothing was imported yet" in (await client.get("/office/imports")).text
    await admin.execute(
        "insert into import_run (id, file_name, file_hash, mapping_hash, started_at, finished_at, rows_read, "
        "rows_imported, rows_rejected) values ($1, 'march.txt.gz', 'abcdef', 'm', $2, $3, 12, 10, 2)",
        new_id(),
        CREATED,
        CREATED + timedelta(seconds=9),
    )
    html = (await client.get("/office/imports")).text
    assert "march.txt.gz" in html
    assert "Finished, look at the rejects" in html
    assert "0:09" in html


async def test_a_crm_that_does_not_answer_comes_first(admin: asyncpg.Connection, log_in: LogIn) -> None:
    good, bad = await create_tenant(admin, "aster"), await create_tenant(admin, "birch")
    for tenant in (good, bad):
        endpoint = new_id()
        await admin.execute(
            "insert into crm_endpoint (tenant_id, id, url, secret, created_at, updated_at) "
            "values ($1, $2, 'https://crm.example/hook', '', $3, $3)",
            tenant.id,
            endpoint,
            CREATED,
        )
        if tenant is bad:
            await admin.execute(
                "insert into crm_delivery (tenant_id, id, endpoint_id, lane, type, payload, due_at, created_at) "
                "values ($1, $2, $3, 'l', 'test', '{}', $4, $4)",
                tenant.id,
                new_id(),
                endpoint,
                CREATED,
            )
    client = await log_in("s@op.example", ("supervisor", None))
    html = (await client.get("/office/crm")).text
    assert html.index("Birch") < html.index("Aster")
    assert "Not answering" in html
    assert "Delivering" in html
    assert "crm.example" in html


async def test_health_tells_the_fix(log_in: LogIn) -> None:
    async def doctor(_settings: Settings, _clock: Clock) -> list[Finding]:
        return [Finding("disk", "fail", "12 MB free", "make room"), Finding("clock", "ok", "right")]

    client = await log_in("a@op.example", ("admin", None))
    transport = client._transport
    transport.app.state.doctor = doctor  # type: ignore[attr-defined]  # the application behind the test's browser
    html = (await client.get("/office/health")).text
    assert "Something is broken" in html
    assert "make room" in html


@pytest.mark.parametrize(("language", "words"), [("zh_Hans", ("租户", "低于目标")), ("zh_Hant", ("租戶", "低於目標"))])
async def test_the_office_speaks_chinese(
    tenants: Sequence[Tenant], log_in: LogIn, language: str, words: tuple[str, str]
) -> None:
    client = await log_in("a@op.example", ("admin", None))
    client.cookies.set("crewline_lang", language)
    html = (await client.get("/office")).text
    assert all(word in html for word in words)
    assert "Below target" not in html


async def test_each_role_sees_its_places(admin: asyncpg.Connection, log_in: LogIn) -> None:
    await create_tenant(admin)
    finance = await log_in("f@op.example", ("finance", None))
    html = (await finance.get("/office")).text
    assert 'href="/office/health"' not in html
    assert 'href="/office/crm"' not in html
    for path in ("/agents", "/crm", "/health", "/agents/export", "/crm/export"):
        assert (await finance.get(f"/office{path}")).status_code == HTTPStatus.FORBIDDEN, path
    supervisor = await log_in("s@op.example", ("supervisor", None))
    assert (await supervisor.get("/office/health")).status_code == HTTPStatus.FORBIDDEN
    assert csrf_of((await supervisor.get("/office")).text)


async def test_outsiders_see_no_office(tenants: Sequence[Tenant], log_in: LogIn) -> None:
    manager = await log_in("m@aster.example", ("manager", tenants[0]))
    agent = await log_in("g@op.example", ("agent", None))
    for path in (*PAGES, *FILES):
        for outsider, status in ((manager, HTTPStatus.NOT_FOUND), (agent, HTTPStatus.FORBIDDEN)):
            answer = await outsider.get(f"/office{path}")
            assert answer.status_code == status, path
            assert "Birch" not in answer.text
