"""What holds for every page: the content policy, the language, the errors, the documents for machines."""

import re
from http import HTTPStatus
from uuid import uuid4

import asyncpg
import httpx
import pytest
from litestar import Litestar, get, post
from litestar.params import JSONBody
from openapi_spec_validator import validate

from crewline_app.asgi import BODY_BYTES_MAX, create_app
from crewline_app.routes import ROUTES
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database
from crewline_infra.settings import Settings
from crewline_tenants.people.access import Body
from tests.builders import create_queue, create_tenant
from tests.platform.web.conftest import PASSWORD, LogIn, browser

INLINE = re.compile(r"<style|\sstyle=|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:|https?://(?!testserver)")
PORTAL = ("", "/reports", "/reports/formulas", "/contacts", "/invoices", "/crm")


async def test_no_page_has_anything_inline_or_from_elsewhere(admin: asyncpg.Connection, log_in: LogIn) -> None:
    tenant = await create_tenant(admin)
    await create_queue(admin, tenant)
    client = await log_in("lin@aster.example", ("manager", tenant))
    for path in (*(f"/portal/aster{part}" for part in PORTAL), "/login", "/nothing-there"):
        answer = await client.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        html = answer.text.replace("http://www.w3.org/2000/svg", "")
        assert not INLINE.search(html), (path, INLINE.search(html))


@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("zh_Hans", "zh-CN"), ("zh_Hant", "zh-TW")])
async def test_the_language_is_chosen_kept_and_named(
    client: httpx.AsyncClient, admin: asyncpg.Connection, log_in: LogIn, language: str, tag: str
) -> None:
    answer = await client.post("/preferences", data={"language": language, "next": "/login?next=/portal/aster"})
    assert answer.headers["location"] == "/login?next=/portal/aster"
    assert f'<html lang="{tag}"' in (await client.get("/login")).text
    person = await log_in(f"{language}@aster.example".lower(), ("manager", await create_tenant(admin)))
    token = await admin.fetchval("select csrf_token from session")
    await person.post("/preferences", data={"language": language, "_csrf": token})
    assert await admin.fetchval("select locale from app_user") == language


async def test_the_browsers_own_language_counts_until_one_is_chosen(app: Litestar) -> None:
    async with browser(app, **{"Accept-Language": "zh-TW,zh;q=0.8"}) as client:
        assert "登入" in (await client.get("/login")).text


async def test_the_way_back_never_leaves_our_site(client: httpx.AsyncClient) -> None:
    answer = await client.post("/preferences", data={"theme": "dark", "next": "//evil.example"})
    assert answer.headers["location"] == "/"
    assert 'data-theme="dark"' in (await client.get("/login")).text


async def test_a_foreign_tenant_and_a_missing_one_are_the_same_answer(admin: asyncpg.Connection, log_in: LogIn) -> None:
    aster, birch = await create_tenant(admin, "aster"), await create_tenant(admin, "birch")
    outsider = await log_in("lin@aster.example", ("manager", aster))
    for template in ("/api/v1/tenants/{}", "/api/v1/tenants/{}/queues", "/api/v1/tenants/{}/people"):
        foreign = await outsider.get(template.format(birch.id))
        missing = await outsider.get(template.format(uuid4()))
        assert foreign.status_code == missing.status_code == HTTPStatus.NOT_FOUND
        assert foreign.content == missing.content
        assert foreign.headers.keys() == missing.headers.keys()
    number = re.compile(r"[0-9a-f]{32}")
    for path in PORTAL:
        foreign, missing = await outsider.get(f"/portal/birch{path}"), await outsider.get(f"/portal/cedar{path}")
        assert foreign.status_code == missing.status_code == HTTPStatus.NOT_FOUND
        assert number.sub("", foreign.text) == number.sub("", missing.text)


async def test_staff_without_a_role_for_it_are_told_so(admin: asyncpg.Connection, log_in: LogIn) -> None:
    await create_tenant(admin)
    supervisor = await log_in("sam@op.example", ("supervisor", None))
    answer = await supervisor.get("/portal/aster/invoices")
    assert answer.status_code == HTTPStatus.FORBIDDEN
    assert "Your role does not include this." in answer.text
    agent = await log_in("ann@op.example", ("agent", None))
    assert (await agent.get("/portal/aster")).status_code == HTTPStatus.NOT_FOUND


class Thing(Body, kw_only=True, frozen=True, forbid_unknown_fields=True):
    name: str


@get("/api/v1/broken")
async def broken() -> None:
    raise RuntimeError("secret detail")


@get("/broken")
async def broken_page() -> None:
    raise RuntimeError("secret detail")


@post("/api/v1/things")
async def make_thing(data: JSONBody[Thing]) -> str:
    return data.name


@pytest.fixture
def odd_app(settings: Settings, database: Database, clock: ManualClock) -> Litestar:
    return create_app(settings, database, clock=clock, routes=[*ROUTES, broken, broken_page, make_thing])


async def test_a_fault_of_ours_has_a_number_for_the_person_and_a_traceback_in_the_log(
    odd_app: Litestar, capsys: pytest.CaptureFixture[str]
) -> None:
    async with browser(odd_app) as client:
        for path in ("/api/v1/broken", "/broken"):
            answer = await client.get(path)
            assert answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR
            assert answer.headers["x-request-id"] in answer.text
            assert "secret detail" not in answer.text
    logged = capsys.readouterr()
    assert "secret detail" in logged.out + logged.err


async def test_a_field_that_the_operation_does_not_know_is_refused(odd_app: Litestar) -> None:
    async with browser(odd_app) as client:
        answer = await client.post("/api/v1/things", json={"name": "a", "nmae": "b"})
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert "nmae" in answer.text
        assert (await client.post("/api/v1/things", json={"name": "a"})).text == "a"
        assert (await client.post("/api/v1/things", content=b"{")).status_code in {400, 422}
        large = await client.post("/api/v1/things", json={"name": "a" * BODY_BYTES_MAX})
        assert large.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE


async def test_a_password_is_in_no_log_line(
    admin: asyncpg.Connection, log_in: LogIn, capsys: pytest.CaptureFixture[str]
) -> None:
    await log_in("lin@aster.example", ("manager", await create_tenant(admin)))
    logged = capsys.readouterr()
    text = logged.out + logged.err
    assert "route" in text
    assert PASSWORD not in text
    assert "lin@aster.example" not in text


async def test_the_document_of_the_api_is_valid_and_its_pages_load_from_here(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/me" in document["paths"]
    page = await client.get("/docs")
    assert "script-src" not in page.headers["content-security-policy"]
    assert not re.search(r'(src|href)="https?:', page.text)


async def test_health_and_metrics_answer_without_a_login(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/live")).json() == {"status": "live"}
    assert (await client.get("/health/ready")).json() == {"status": "ready"}
    assert "crewline_http_requests_total" in (await client.get("/metrics")).text


async def test_our_files_are_kept_by_browsers_and_nothing_else_is_served(client: httpx.AsyncClient) -> None:
    page = (await client.get("/login")).text
    sheet = re.search(r'href="(/static/[^"]+all\.css)"', page)
    assert sheet is not None
    answer = await client.get(sheet[1])
    assert "immutable" in answer.headers["cache-control"]
    assert "--accent" in answer.text
    old = await client.get("/static/000000000000/css/all.css")
    assert old.headers["cache-control"] == "no-cache"
    for path in ("/static/x/../assets.py", "/static/x/%2e%2e/assets.py", "/static/x/css", "/static/x/none.css"):
        assert (await client.get(path)).status_code == HTTPStatus.NOT_FOUND


async def test_behind_https_the_cookie_is_pinned_to_this_host(
    settings: Settings, database: Database, clock: ManualClock, admin: asyncpg.Connection, log_in: LogIn
) -> None:
    await log_in("lin@aster.example", ("manager", await create_tenant(admin)))
    secure = settings.model_copy(update={"public_url": "https://crewline.example"})
    async with browser(create_app(secure, database, clock=clock)) as client:
        answer = await client.post("/login", data={"login": "lin@aster.example", "password": PASSWORD})
    assert answer.headers["set-cookie"].startswith("__Host-crewline=")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "max-age" in answer.headers["strict-transport-security"]


SAFE = {"GET", "HEAD", "OPTIONS"}
OWN_CHECK = {"/login", "/preferences"}
"""They work without a session, and look at where the request came from themselves."""


def test_every_change_is_made_by_somebody_and_checked_for_its_origin(app: Litestar) -> None:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if not set(getattr(handler, "http_methods", SAFE)) <= SAFE and route.path not in OWN_CHECK:
                assert "principal" in handler.parsed_fn_signature.parameters, route.path


async def test_a_demo_offers_its_logins_and_nothing_else_does(
    settings: Settings, database: Database, clock: ManualClock, client: httpx.AsyncClient
) -> None:
    assert "Try it as" not in (await client.get("/login")).text
    demo = settings.model_copy(update={"demo": True})
    async with browser(create_app(demo, database, clock=clock)) as visitor:
        assert "supervisor@crewline.example" in (await visitor.get("/login")).text
