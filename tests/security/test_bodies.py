"""What nobody sane sends: to every operation with a body, as the person who could use it."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from crewline_infra.clock import monotonic_ms
from tests.security.conftest import ORIGIN, PEOPLE, Stage
from tests.security.test_matrix import BODIES
from tests.security.test_pages import WORDS, address

SECOND_MS = 1_000
DEEP = 10_000
WHO = {"/api/v1/desk": "agent", "/api/v1/floor": "supervisor", "/api/v1/me": "manager", "/crm/": "manager"}
STRANGE: dict[str, Any] = {
    "NUL": "a\x00b",
    "a lone surrogate": "\ud800",
    "the other lone surrogate": "x\udfffx",
    "2^63": 2**63,
    "minus 2^63 - 1": -(2**63) - 1,
    "1e400": "RAW:1e400",
    "-1e400": "RAW:-1e400",
    "NaN": "RAW:NaN",
    "deep": "RAW:" + "[" * DEEP + "]" * DEEP,
    "deep objects": "RAW:" + '{"a":' * DEEP + "1" + "}" * DEEP,
    "a list": [],
    "nothing": None,
    "long": "x" * 1_000_000,
    "right to left": "\u202ecod.exe",
}
ACCEPTABLE = {"right to left", "nothing", "long", "NaN"}
"""Text is text, null may be optional, free text may be long; NaN is refused by the reader of JSON."""


def who_of(path: str) -> str:
    return next((who for part, who in WHO.items() if part in path), "finance")


def raw(body: dict[str, Any]) -> bytes:
    text = json.dumps(body)
    for value in STRANGE.values():
        if isinstance(value, str) and value.startswith("RAW:"):
            text = text.replace(json.dumps(value), value.removeprefix("RAW:"))
    return text.encode()


def proper(answer: httpx.Response, where: str) -> None:
    assert 400 <= answer.status_code < 500, f"{where}: {answer.status_code} {answer.text[:200]}"
    assert answer.headers["content-type"].startswith("application/problem+json"), where
    assert {"type", "title", "status", "code"} <= answer.json().keys(), where


async def send(
    client: httpx.AsyncClient, operation: tuple[str, str], stage: Stage, content: bytes, kind: str = "application/json"
) -> httpx.Response:
    method, path = operation
    began = monotonic_ms()
    answer = await client.request(
        method,
        address(path, {**stage.scene.ours.ids, **WORDS}),
        content=content,
        headers={"content-type": kind, "accept": "application/json", "x-csrf-token": stage.sessions[who_of(path)].csrf},
    )
    assert monotonic_ms() - began < SECOND_MS, f"{method} {path} took {monotonic_ms() - began} ms"
    return answer


@pytest.mark.parametrize("operation", BODIES, ids=" ".join)
async def test_strange_values_are_refused_with_the_name_of_their_field(
    operation: tuple[str, str], staged: Litestar, stage: Stage
) -> None:
    body = BODIES[operation]
    async with stage.browser(staged, who_of(operation[1]), origin=ORIGIN) as client:
        for field in body:
            for name, value in STRANGE.items():
                if name in ACCEPTABLE:
                    continue
                where = f"{operation} {field}={name}"
                answer = await send(client, operation, stage, raw({**body, field: value}))
                proper(answer, where)
                if name in {"NUL", "2^63", "a list"} and answer.status_code == 422:
                    assert field in answer.text, f"{where}: {answer.text[:200]}"


@pytest.mark.parametrize("operation", BODIES, ids=" ".join)
async def test_what_is_acceptable_to_some_breaks_nothing(
    operation: tuple[str, str], staged: Litestar, stage: Stage
) -> None:
    body = BODIES[operation]
    async with stage.browser(staged, who_of(operation[1]), origin=ORIGIN) as client:
        for field in body:
            for name in sorted(ACCEPTABLE):
                answer = await send(client, operation, stage, raw({**body, field: STRANGE[name]}))
                assert answer.status_code < 500, f"{operation} {field}={name}: {answer.text[:200]}"


@pytest.mark.parametrize("operation", BODIES, ids=" ".join)
async def test_what_is_no_body_of_the_operation_is_refused(
    operation: tuple[str, str], staged: Litestar, stage: Stage
) -> None:
    good = json.dumps(BODIES[operation]).encode()
    bodies = {
        "empty": b"",
        "half": good[:-1],
        "a list": b"[]",
        "null": b"null",
        "a number": b"1",
        "no UTF-8": b'{"\xff":1}',
        "UTF-16": good.decode().encode("utf-16"),
        "deep": b"[" * DEEP + b"]" * DEEP,
        "10 MB": b'{"x":"' + b"x" * 10_000_000 + b'"}',
    }
    async with stage.browser(staged, who_of(operation[1]), origin=ORIGIN) as client:
        for name, content in bodies.items():
            proper(await send(client, operation, stage, content), f"{operation} {name}")
        for extra in ("tenant_id", "role", "price", "is_operator", "ended_at", "actor_id"):
            answer = await send(client, operation, stage, raw({**BODIES[operation], extra: "x"}))
            proper(answer, f"{operation} took {extra}")
            assert answer.status_code == 404 or extra in answer.text, f"{operation} {extra}: {answer.text[:200]}"


@pytest.mark.parametrize("path", ["/login", "/preferences", "/desk/presence", "/finance/ours/run", "/portal/ours/crm"])
async def test_strange_forms_and_addresses_are_no_fault_of_ours(path: str, staged: Litestar, stage: Stage) -> None:
    async with stage.browser(staged, "finance", origin=ORIGIN) as client:
        for content in (b"login=%00&password=%00", b"%ff=%ff", b"login=" + b"x" * 3_000_000, b"&" * 50_000, b"\x00"):
            for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "x"):
                answer = await client.post(path, content=content, headers={"content-type": kind})
                assert answer.status_code < 500, f"{path} {kind} {content[:20]!r}"
        for query in (
            "from=%00",
            "from=9999-99-99",
            "to=%ff",
            "queue=%00",
            "month=%00",
            "after=%00",
            "q=%00",
            "page=1e400",
        ):
            for place in ("/office", "/office/agents", "/finance", "/portal/ours", "/portal/ours/contacts", "/login"):
                answer = await client.get(f"{place}?{query}")
                assert answer.status_code < 500, f"{place}?{query}"


async def test_strange_queries_of_the_api_are_no_fault_of_ours(staged: Litestar, stage: Stage) -> None:
    strange = (
        "%00",
        "%ff",
        "9223372036854775808",
        "-1",
        "1e400",
        "x" * 5_000,
        "%F0%9F%92%A9",
        "0001-01-01",
        "9999-12-31",
    )
    async with stage.browser(staged, "nobody", authorization=f"Bearer {stage.scene.ours.keys['manager']}") as client:
        for path, item in staged.openapi_schema.to_schema()["paths"].items():
            if "get" not in item or path.endswith("/stream") or not path.startswith("/api/"):
                continue
            url = address(path, {**stage.scene.ours.ids, **WORDS, "key_id": str(uuid4())})
            needed = {"from": "2026-02-01", "to": "2026-02-28", "threshold": "20"}
            names = [one["name"] for one in item["get"].get("parameters", []) if one["in"] == "query"]
            for name in names:
                base = "&".join(f"{key}={value}" for key, value in needed.items() if key in names and key != name)
                for value in strange:
                    answer = await client.get(f"{url}?{base}&{name}={value}")
                    assert answer.status_code < 500, f"{path} {name}={value[:20]}: {answer.status_code}"


async def test_a_key_that_was_revoked_or_put_elsewhere_opens_nothing(staged: Litestar, stage: Stage) -> None:
    async with stage.browser(
        staged, "manager", origin=ORIGIN, **{"x-csrf-token": stage.sessions["manager"].csrf}
    ) as me:
        made = (await me.post("/api/v1/me/keys", json={"label": "short"})).json()
        async with stage.browser(staged, "nobody") as program:
            bearer = {"authorization": f"Bearer {made['key']}"}
            assert (await program.get("/api/v1/me", headers=bearer)).status_code == 200
            for query in ("key", "api_key", "access_token", "token"):
                assert (await program.get(f"/api/v1/me?{query}={made['key']}")).status_code == 401
            for header in (
                f"Basic {made['key']}",
                f"Bearer {made['key'].upper()}",
                f"Bearer {made['key']}x",
                "Bearer ",
            ):
                assert (await program.get("/api/v1/me", headers={"authorization": header})).status_code == 401
            for who in set(PEOPLE) - {"manager"}:
                async with stage.browser(staged, who, **{"x-csrf-token": stage.sessions[who].csrf}) as other:
                    assert (await other.delete(f"/api/v1/me/keys/{made['id']}")).status_code == 404, who
            assert (await me.delete(f"/api/v1/me/keys/{made['id']}")).status_code == 204
            assert (await program.get("/api/v1/me", headers=bearer)).status_code == 401
            assert (await program.get("/portal/ours", headers=bearer)).status_code == 303
