"""Every operation × every id it takes × every role: a foreign thing is a missing thing, to the byte.

Generated from the OpenAPI document. An operation whose parameters or body have no fixture here fails the test.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from litestar import Litestar

from crewline_app.asgi import create_app
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database
from crewline_infra.settings import Settings
from tests.security.scene import MONTH, Scene, Side, build

METHODS = ("get", "post", "put", "patch", "delete")
PUBLIC = {"/health/live", "/health/ready"}
STREAMS = {"/api/v1/floor/stream", "/api/v1/desk/stream"}
"""Endless answers; tests/platform covers them."""
VARYING_HEADERS = {"x-request-id", "date"}
REQUIRED_QUERY = {"from": "2026-02-01", "to": "2026-02-28", "threshold": "20"}
OWN_ONLY = {"key_id"}
"""Addressed below one's own account: foreign means another person's."""
T = "/api/v1/tenants/{tenant_id}"
WORDS = {"deed": "hold"}

BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("post", "/api/v1/me/keys"): {"label": "x"},
    ("post", f"{T}/crm/endpoints"): {"url": "http://127.0.0.1:9/x"},
    ("put", f"{T}/crm/endpoints/{{endpoint_id}}"): {"url": "http://127.0.0.1:9/x", "state": "paused"},
    ("post", f"{T}/crm/deliveries/replay"): {"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"},
    ("post", f"{T}/invoices/preview"): {"period": MONTH},
    ("post", f"{T}/invoices/run"): {"period": "2026-01"},
    ("put", "/api/v1/floor/agents/{agent_id}/presence"): {"state": "paused", "reason": "break"},
    ("put", "/api/v1/desk/presence"): {"state": "paused", "reason": "break"},
    ("put", "/api/v1/desk/legs/{leg_id}/note"): {"note": "x"},
    ("put", "/api/v1/desk/legs/{leg_id}/script"): {"step": "only", "values": {}},
    ("post", "/api/v1/desk/legs/{leg_id}/finish"): {"disposition_id": None, "note": "x"},
}


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    parameters: tuple[str, ...]
    query: tuple[str, ...]
    has_body: bool

    def url(self, values: dict[str, str]) -> str:
        return re.sub(r"{(\w+)}", lambda found: values[found[1]], self.path)


def operations(app: Litestar) -> list[Operation]:
    found = []
    for path, item in app.openapi_schema.to_schema()["paths"].items():
        for method in METHODS:
            if method in item and path not in PUBLIC | STREAMS:
                inputs = item[method].get("parameters", [])
                needed = [one["name"] for one in inputs if one["in"] == "query" and one.get("required")]
                found.append(
                    Operation(
                        method,
                        path,
                        tuple(re.findall(r"{(\w+)}", path)),
                        tuple(needed),
                        "requestBody" in item[method],
                    )
                )
    return found


@pytest.fixture
def app(database: Database, clock: ManualClock, tmp_path: Path) -> Litestar:
    return create_app(Settings(home=tmp_path, allow_loopback_webhooks=True), database, clock=clock)


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # another ASGI typing
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as opened:
        yield opened


@pytest.fixture
async def scene(
    admin: asyncpg.Connection, database: Database, worker_database: Database, clock: ManualClock, tmp_path: Path
) -> Scene:
    return await build(admin, database, worker_database, clock, tmp_path)


async def call(client: httpx.AsyncClient, operation: Operation, values: dict[str, str], key: str) -> httpx.Response:
    return await client.request(
        operation.method,
        operation.url(values),
        params={name: REQUIRED_QUERY[name] for name in operation.query},
        json=BODIES.get((operation.method, operation.path)),
        headers={"Authorization": f"Bearer {key}"} if key else {},
    )


def test_every_operation_has_its_fixtures(app: Litestar, scene: Scene) -> None:
    for operation in operations(app):
        known = set(scene.ours.ids) | OWN_ONLY | set(WORDS)
        assert set(operation.parameters) <= known, f"{operation.method} {operation.path}: add ids to the scene"
        assert set(operation.query) <= set(REQUIRED_QUERY), f"{operation.path}: add its required query"
        if operation.has_body:
            assert (operation.method, operation.path) in BODIES, f"{operation.method} {operation.path}: add a body"


async def test_nobody_enters_without_a_key(app: Litestar, client: httpx.AsyncClient, scene: Scene) -> None:
    for operation in operations(app):
        values = {**scene.ours.ids, **WORDS, "key_id": str(uuid4())}
        for key in ("", "wrong", scene.ours.keys["manager"][:-1] + "?"):
            answer = await call(client, operation, values, key)
            assert answer.status_code == 401, f"{operation.method} {operation.path}: {answer.status_code}"


async def test_a_foreign_thing_is_a_missing_thing(app: Litestar, client: httpx.AsyncClient, scene: Scene) -> None:
    """A member of one tenant asks with the other's ids, one parameter at a time and all together."""
    for operation in operations(app):
        for name in operation.parameters:
            if scene.ours.ids.get(name) == scene.theirs.ids.get(name):
                continue
            own = {**scene.ours.ids, **WORDS}
            missing = {**own, name: _missing(scene.ours.ids[name])}
            for role, key in scene.ours.keys.items():
                await _same(client, operation, key, {**own, name: scene.theirs.ids[name]}, missing, role)
        if "tenant_id" in operation.parameters:
            nothing = {name: _missing(value) for name, value in scene.theirs.ids.items()} | WORDS
            for role, key in scene.ours.keys.items():
                await _same(client, operation, key, {**scene.theirs.ids, **WORDS}, nothing, role)


async def test_an_agent_reaches_only_a_live_leg(app: Litestar, client: httpx.AsyncClient, scene: Scene) -> None:
    """Tenant-scoped operations do not exist for agents, whosever the ids are."""
    key = scene.staff["agent"]
    for operation in operations(app):
        if "tenant_id" in operation.parameters:
            values = {**scene.ours.ids, **WORDS}
            await _same(client, operation, key, values, {**values, "tenant_id": str(uuid4())}, "agent")


async def test_no_answer_to_one_tenant_carries_the_other_s_canary(
    app: Litestar, client: httpx.AsyncClient, scene: Scene
) -> None:
    seen = 0
    for asking, other in ((scene.ours, scene.theirs), (scene.theirs, scene.ours)):
        for operation in operations(app):
            if operation.method != "get":
                continue
            values = {**asking.ids, **WORDS, "key_id": str(uuid4())}
            answer = await call(client, operation, values, asking.keys["manager"])
            assert answer.status_code < 500, f"{operation.path}: {answer.text}"
            assert other.canary not in answer.text + str(answer.headers), operation.path
            assert str(other.tenant.id) not in answer.text, operation.path
            seen += asking.canary in answer.text
    assert seen >= 6, "the canaries must be visible to their own tenant, else this test shows nothing"


async def test_staff_see_one_tenant_at_a_time(app: Litestar, client: httpx.AsyncClient, scene: Scene) -> None:
    for role in ("admin", "supervisor", "finance"):
        for operation in operations(app):
            if operation.method != "get" or "tenant_id" not in operation.parameters:
                continue
            answer = await call(client, operation, {**scene.ours.ids, **WORDS}, scene.staff[role])
            assert scene.theirs.canary not in answer.text, f"{role} {operation.path}"
            mixed = {**scene.theirs.ids, **WORDS, "tenant_id": scene.ours.ids["tenant_id"]}
            if len(operation.parameters) > 1:
                answer = await call(client, operation, mixed, scene.staff[role])
                assert answer.status_code in (403, 404), f"{role} {operation.path}: {answer.status_code}"


async def test_unknown_fields_are_refused(app: Litestar, client: httpx.AsyncClient, scene: Scene) -> None:
    key = scene.ours.keys["manager"]
    for (method, path), body in BODIES.items():
        values = {**scene.ours.ids, **WORDS}
        url = re.sub(r"{(\w+)}", lambda found, values=values: values[found[1]], path)
        for extra in ("tenant_id", "role", "price", "is_operator", "ended_at"):
            answer = await client.request(
                method, url, json={**body, extra: "x"}, headers={"Authorization": f"Bearer {key}"}
            )
            assert answer.status_code in (400, 403, 404, 422), f"{method} {path} took {extra}"


async def test_many_tenants_at_once_do_not_mix(app: Litestar, client: httpx.AsyncClient, scene: Scene) -> None:
    async def ask(side: Side, other: Side) -> None:
        url = f"/api/v1/tenants/{side.tenant.id}/contacts?from=2026-02-01&to=2026-02-28"
        answer = await client.get(url, headers={"Authorization": f"Bearer {side.keys['manager']}"})
        assert answer.status_code == 200
        assert side.canary in answer.text
        assert other.canary not in answer.text

    pairs = [(scene.ours, scene.theirs), (scene.theirs, scene.ours)] * 20
    await asyncio.gather(*(ask(side, other) for side, other in pairs))


async def _same(  # noqa: PLR0917 - what to compare, and for whom
    client: httpx.AsyncClient,
    operation: Operation,
    key: str,
    foreign: dict[str, str],
    missing: dict[str, str],
    role: str,
) -> None:
    first, second = await call(client, operation, foreign, key), await call(client, operation, missing, key)
    where = f"{role} {operation.method} {operation.path}"
    assert first.status_code in (403, 404), f"{where}: {first.status_code} {first.text[:200]}"
    assert (first.status_code, first.text) == (second.status_code, second.text), where
    assert _headers(first) == _headers(second), where


def _missing(value: str) -> str:
    return str(uuid4()) if len(value) == len(str(uuid4())) else "97"


def _headers(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in VARYING_HEADERS}
