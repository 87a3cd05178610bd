"""No page of the operator's people has anything inline or from elsewhere; every table can be reached by keyboard."""

import re

import asyncpg
import pytest

from tests.builders import create_agent, create_pool, create_queue, create_tenant, share_pool
from tests.platform.web.conftest import LogIn
from tests.platform.web.test_pages import INLINE

PAGES = {
    "admin": ("/office", "/office/pools", "/office/agents", "/office/imports", "/office/crm", "/floor", "/finance"),
    "supervisor": ("/office", "/floor", "/floor?wall", "/floor/part"),
    "finance": ("/finance", "/finance/aster/contract", "/finance/aster/preview"),
    "agent": ("/desk", "/desk/part"),
}
OPEN_TABLE = re.compile(r'<div class="tw"(?! tabindex="0" role="region" aria-label="[^"]+")')


@pytest.mark.parametrize("role", PAGES)
async def test_pages_are_clean(admin: asyncpg.Connection, log_in: LogIn, role: str) -> None:
    tenant, pool = await create_tenant(admin), await create_pool(admin)
    await create_queue(admin, tenant, pool_id=pool)
    await share_pool(admin, pool, tenant, floor_seats=1)
    client = await log_in(f"{role}@op.example", (role, None))
    person = await admin.fetchval("select id from app_user where email = $1", f"{role}@op.example")
    await create_agent(admin, "Agent 1", user_id=person, pool_id=pool, tenants=(tenant,))
    for path in PAGES[role]:
        answer = await client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "no-store"
        html = answer.text.replace("http://www.w3.org/2000/svg", "")
        assert not INLINE.search(html), (path, INLINE.search(html))
        assert not OPEN_TABLE.search(html), path
