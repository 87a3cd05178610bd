"""All that the product says to one tenant, searched for the other: its canary, names, ids, accounts.

Each kind of output must show the tenant's own canary where that belongs, or the search proves nothing.
"""

import asyncio
import gzip
import io
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest
import structlog
from litestar import Litestar

from crewline_app.demo.crm_receiver import CrmReceiver
from crewline_floor.board.hub import Hub
from crewline_floor.desk.http import desk_frames
from crewline_infra import log
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database
from crewline_infra.egress import Egress, Policy
from crewline_infra.secrets import SecretBox
from crewline_infra.tenancy import Context, Role
from crewline_tenants.crm import rules
from crewline_tenants.crm.jobs import Courier
from crewline_tenants.people import service as people
from tests.security.conftest import Stage
from tests.security.scene import NOW, Side
from tests.security.test_matrix import REQUIRED_QUERY, T, operations
from tests.security.test_pages import PAGES, WORDS, address

Outputs = dict[str, list[str]]
FEBRUARY = "from=2026-02-01&to=2026-02-28"
LANGUAGES = ("en", "zh-CN", "zh-TW")
EXPORTS = (
    f"{T}/contacts?{FEBRUARY}&format=csv",
    f"{T}/reports/service-level?{FEBRUARY}&threshold=20&format=csv",
    f"{T}/invoices/{{invoice_id}}/lines/{{position}}/contacts?format=csv",
)
OWN_SHOWN = {"api", "export", "page manager", "page viewer", "statement", "crm", "desk frames"}
"""Where the tenant's own canary has to be found; the rest (errors, headers, logs, metrics) names nobody."""


def marks(side: Side) -> set[str]:
    """Whatever would name this tenant or point to a thing of its own; shared things are nobody's mark."""
    ids = {value for name, value in side.ids.items() if len(value) == len(str(side.tenant.id)) and name != "agent_id"}
    return {
        side.canary,
        f"@{side.tenant.slug}.example",
        f"{side.tenant.slug}-line",
        f"/portal/{side.tenant.slug}",
    } | ids


def found(outputs: Outputs, side: Side) -> list[str]:
    pattern = re.compile("|".join(re.escape(mark) for mark in sorted(marks(side))), re.IGNORECASE)
    return [
        f"{kind}: …{text[max(0, hit.start() - 60) : hit.end() + 20]}…"
        for kind, texts in outputs.items()
        for text in texts
        for hit in pattern.finditer(text)
    ]


@asynccontextmanager
async def logged() -> AsyncIterator[io.StringIO]:
    """The log as an installation writes it."""
    before, kept = structlog.get_config(), io.StringIO()
    log.configure("debug", "json")
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(kept), cache_logger_on_first_use=False)
    try:
        yield kept
    finally:
        structlog.configure(**before)


async def api(app: Litestar, client: httpx.AsyncClient, side: Side, said: Outputs) -> None:
    values = {**side.ids, **WORDS, "deed": "hold", "key_id": side.ids["invoice_id"]}
    for operation in operations(app):
        if operation.method == "get":
            for role, key in side.keys.items():
                answer = await client.get(
                    operation.url(values),
                    params={name: REQUIRED_QUERY[name] for name in operation.query},
                    headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
                )
                kind = "statement" if operation.path.endswith("/statement") else "api" if answer.is_success else "error"
                text = _unpacked(answer.content) if kind == "statement" else answer.text
                said[kind].append(f"{role} {text}")
                said["header"].append(str(answer.headers))
    own_key = {"Authorization": f"Bearer {side.keys['manager']}"}
    for path in EXPORTS:
        answer = await client.get(address(path, values), headers=own_key)
        said["export"].append(answer.text)
    live = address(f"{T}/contacts/{{live_contact}}/routing", values)
    said["routing"].append((await client.get(live, headers=own_key)).text)


def _unpacked(content: bytes) -> str:
    return gzip.decompress(content).decode() if content.startswith(b"\x1f\x8b") else content.decode("utf-8", "replace")


async def pages(client: httpx.AsyncClient, who: str, side: Side, other: Side, said: Outputs) -> None:
    """Own pages in three languages, and the errors that another's address gives."""
    values, theirs = {**side.ids, **WORDS}, {**other.ids, **WORDS}
    for language in LANGUAGES:
        for path in PAGES:
            answer = await client.get(f"{address(path, values)}?{FEBRUARY}", headers={"Accept-Language": language})
            said[f"page {who}" if answer.is_success else "error"].append(answer.text)
            said["header"].append(str(answer.headers))
            if "{" in path and not path.startswith("/static"):
                strange = await client.get(address(path, {**theirs, "slug": values["slug"]}))
                said["error" if not strange.is_success else f"page {who}"].append(strange.text)
    said["error"].append((await client.get(f"/portal/{side.tenant.slug}/contacts?from=never")).text)
    said["error"].append((await client.get("/nothing/here")).text)
    said["metrics"].append((await client.get("/metrics")).text)


async def crm(stage: Stage, side: Side, other: Side, said: Outputs) -> None:
    """Both tenants' deliveries go out in one round; each receiver shows what it got."""
    secrets = {one.tenant.slug: rules.decode_secret(one.secret) for one in (side, other)}
    receiver = CrmReceiver(secrets.get, ManualClock(NOW))
    port, worker = await receiver.start(), Database(stage.urls["worker"], pool_size=3)
    admin, egress = await asyncpg.connect(stage.urls["admin"]), Egress(Policy(loopback=True))
    try:
        for one in (side, other):
            url = f"http://127.0.0.1:{port}/hooks/{one.tenant.slug}"
            await admin.execute("update crm_endpoint set url = $2 where tenant_id = $1", one.tenant.id, url)
        box = SecretBox.from_folder(stage.home / "secrets")
        courier = Courier(worker, egress, box, ManualClock(NOW), spread=lambda: 0.0, timeout_ms=2_000)
        while await courier.start_due():
            await courier.finish()
        said["crm"].append(json.dumps(receiver.desk(side.tenant.slug).shown()))
        assert receiver.desk(other.tenant.slug).taken, "the other one was served in the same rounds"
    finally:
        await receiver.stop()
        await egress.close()
        await worker.close()
        await admin.close()


async def frames(stage: Stage, other: Side, said: Outputs) -> None:
    """The desk of the shared agent when the other tenant's contact has ended."""
    admin, web = await asyncpg.connect(stage.urls["admin"]), Database(stage.urls["web"], pool_size=3)
    hub = Hub(web)
    try:
        await admin.execute("update leg set ended_at = now() where tenant_id = $1", other.tenant.id)
        await admin.execute("delete from agent_slot where tenant_id = $1", other.tenant.id)
        async with web.transaction(Context(Role.AUTH)) as tx:
            principal = await people.principal_of_session(tx, stage.sessions["agent"].token, NOW, "frames")
        assert principal is not None
        stream = desk_frames(hub, web, principal, ManualClock(NOW))
        said["desk frames"].append((await asyncio.wait_for(anext(stream), 10)).decode())
        await stream.aclose()  # type: ignore[attr-defined]  # an async generator
    finally:
        await hub.stop()
        await web.close()
        await admin.close()


@pytest.fixture
async def outputs(staged: Litestar, stage: Stage) -> Outputs:
    """Everything that `ours` is told while `theirs` is there beside it."""
    said: Outputs = defaultdict(list)
    ours, theirs = stage.scene.ours, stage.scene.theirs
    async with logged() as kept:
        async with stage.browser(staged, "nobody") as program:
            await api(staged, program, ours, said)
        for who in ("manager", "viewer"):
            async with stage.browser(staged, who) as client:
                await pages(client, who, ours, theirs, said)
        await crm(stage, ours, theirs, said)
        await frames(stage, theirs, said)
        said["log"].append(kept.getvalue())
    return said


async def test_nothing_that_one_tenant_is_told_names_the_other(outputs: Outputs, stage: Stage) -> None:
    ours, theirs = stage.scene.ours, stage.scene.theirs
    assert found(outputs, theirs)[:5] == []
    for kind in OWN_SHOWN:
        assert ours.canary in "".join(outputs[kind]), f"{kind} shows nothing of its own: the search proves nothing"
    assert "request" in outputs["log"][0], "the log was captured"
    assert outputs["metrics"][0].count("crewline_http_requests_total") > 1
    assert "sentence" in outputs["routing"][0], "a decision was told"
    assert len(outputs["error"]) > 50
    for secret in (ours.keys["manager"], ours.secret, stage.sessions["manager"].token, f"{ours.canary} customer"):
        assert secret not in outputs["log"][0], "neither keys nor customers in the log"
    # The same search over the same outputs finds the tenant that they are about.
    assert {kind.partition(":")[0] for kind in found(outputs, ours)} >= OWN_SHOWN
