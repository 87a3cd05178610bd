"""Logging in and out: sessions that only we issue, and changes that only our own pages cause."""

from datetime import timedelta

import asyncpg
import httpx
import pytest
from litestar import Litestar

from crewline_infra.clock import ManualClock
from tests.builders import create_tenant
from tests.platform.web.conftest import PASSWORD, LogIn, browser

COOKIE = "crewline"


async def test_a_person_without_a_session_is_sent_to_the_login_and_comes_back(
    client: httpx.AsyncClient, admin: asyncpg.Connection, log_in: LogIn
) -> None:
    answer = await client.get("/portal/aster/reports?from=1999-03-01")
    assert answer.status_code in {303, 404}
    answer = await client.get("/")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/"


async def test_a_manager_lands_in_the_portal_of_their_tenant(admin: asyncpg.Connection, log_in: LogIn) -> None:
    tenant = await create_tenant(admin)
    client = await log_in("lin@aster.example", ("manager", tenant))
    answer = await client.get("/")
    assert answer.headers["location"] == "/portal/aster"


@pytest.mark.parametrize(
    ("role", "home"),
    [("admin", "/office"), ("supervisor", "/floor"), ("finance", "/finance"), ("agent", "/desk")],
)
async def test_staff_land_where_their_work_is(admin: asyncpg.Connection, log_in: LogIn, role: str, home: str) -> None:
    client = await log_in(f"{role}@operator.example", (role, None))
    assert (await client.get("/")).headers["location"] == home


async def test_the_session_cookie_is_closed_to_scripts_and_other_sites(
    app: Litestar, admin: asyncpg.Connection, log_in: LogIn
) -> None:
    await log_in("lin@aster.example", ("manager", await create_tenant(admin)))
    async with browser(app) as client:
        answer = await client.post("/login", data={"login": "lin@aster.example", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie


async def test_a_session_id_that_the_browser_brought_is_never_adopted(
    app: Litestar, admin: asyncpg.Connection, log_in: LogIn
) -> None:
    await log_in("lin@aster.example", ("manager", await create_tenant(admin)))
    async with browser(app) as victim:
        victim.cookies.set(COOKIE, "chosen-by-the-attacker")
        await victim.post("/login", data={"login": "lin@aster.example", "password": PASSWORD})
    async with browser(app) as attacker:
        attacker.cookies.set(COOKIE, "chosen-by-the-attacker")
        assert (await attacker.get("/")).headers["location"].startswith("/login")


async def test_logging_in_again_ends_the_session_before(
    app: Litestar, admin: asyncpg.Connection, log_in: LogIn
) -> None:
    client = await log_in("lin@aster.example", ("manager", await create_tenant(admin)))
    before = client.cookies[COOKIE]
    await client.post("/login", data={"login": "lin@aster.example", "password": PASSWORD})
    assert client.cookies[COOKIE] != before
    async with browser(app) as old:
        old.cookies.set(COOKIE, before)
        assert (await old.get("/")).headers["location"].startswith("/login")


async def test_an_idle_session_ends_after_half_an_hour_and_every_one_after_twelve_hours(
    clock: ManualClock, admin: asyncpg.Connection, log_in: LogIn
) -> None:
    tenant = await create_tenant(admin)
    idle = await log_in("idle@aster.example", ("manager", tenant))
    busy = await log_in("busy@aster.example", ("manager", tenant))
    for _ in range(24):
        clock.advance(int(timedelta(minutes=29).total_seconds() * 1000))
        assert (await busy.get("/")).headers["location"] == "/portal/aster"
    assert (await idle.get("/")).headers["location"].startswith("/login")
    clock.advance(int(timedelta(minutes=29).total_seconds() * 1000))
    assert (await busy.get("/")).headers["location"].startswith("/login")


async def test_a_change_needs_the_token_of_its_session_and_our_own_page(
    app: Litestar, admin: asyncpg.Connection, log_in: LogIn
) -> None:
    tenant = await create_tenant(admin)
    lin = await log_in("lin@aster.example", ("manager", tenant))
    other = await log_in("wu@aster.example", ("manager", tenant))
    tokens = await admin.fetch("select u.email, s.csrf_token from session s join app_user u on u.id = s.user_id")
    token = {row["email"]: row["csrf_token"] for row in tokens}
    url, body = "/api/v1/me/keys", {"label": "nightly"}

    async def status(client: httpx.AsyncClient, **headers: str) -> int:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return (await client.post(url, json=body, headers=sent)).status_code

    assert await status(lin) == 403
    assert await status(lin, x_csrf_token=token["wu@aster.example"]) == 403
    mine = token["lin@aster.example"]
    assert await status(lin, x_csrf_token=mine, sec_fetch_site="cross-site") == 403
    assert await status(lin, x_csrf_token=mine, origin="https://evil.example") == 403
    assert await status(lin, x_csrf_token=mine, sec_fetch_site="same-origin") == 201
    assert await status(other, x_csrf_token=token["wu@aster.example"]) == 201


async def test_logging_out_ends_the_session(app: Litestar, admin: asyncpg.Connection, log_in: LogIn) -> None:
    client = await log_in("lin@aster.example", ("manager", await create_tenant(admin)))
    token = await admin.fetchval("select csrf_token from session")
    before = client.cookies[COOKIE]
    answer = await client.post("/logout", data={"_csrf": token})
    assert answer.headers["location"] == "/login"
    async with browser(app) as old:
        old.cookies.set(COOKIE, before)
        assert (await old.get("/")).headers["location"].startswith("/login")


async def test_wrong_passwords_slow_the_attacker_and_never_lock_the_owner_out(
    app: Litestar, admin: asyncpg.Connection, log_in: LogIn
) -> None:
    await log_in("lin@aster.example", ("manager", await create_tenant(admin)))
    await admin.execute("update login_attempt set address = 'owner'")
    async with browser(app) as attacker:
        answers = [
            (await attacker.post("/login", data={"login": "lin@aster.example", "password": "no"})) for _ in range(6)
        ]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 401, 429]
        assert int(answers[-1].headers["retry-after"]) > 0
    await admin.execute("update login_attempt set address = 'attacker' where not succeeded")
    async with browser(app) as owner:
        answer = await owner.post("/login", data={"login": "lin@aster.example", "password": PASSWORD})
        assert answer.status_code == 303


async def test_an_unknown_account_and_a_wrong_password_read_the_same(
    client: httpx.AsyncClient, admin: asyncpg.Connection, log_in: LogIn
) -> None:
    await log_in("lin@aster.example", ("manager", await create_tenant(admin)))
    known = await client.post("/login", data={"login": "lin@aster.example", "password": "wrong"})
    unknown = await client.post("/login", data={"login": "lia@aster.example", "password": "wrong"})
    assert known.status_code == unknown.status_code == 401
    assert known.text.replace("lin@", "lia@") == unknown.text


async def test_a_key_acts_as_its_person_until_it_is_revoked(
    app: Litestar, admin: asyncpg.Connection, log_in: LogIn
) -> None:
    client = await log_in("lin@aster.example", ("manager", await create_tenant(admin)))
    token = await admin.fetchval("select csrf_token from session")
    made = await client.post("/api/v1/me/keys", json={"label": "nightly"}, headers={"x-csrf-token": token})
    bearer = {"Authorization": f"Bearer {made.json()['key']}"}
    async with browser(app, **bearer) as program:
        assert (await program.get("/api/v1/me")).json()["login"] == "lin@aster.example"
        gone = await program.delete(f"/api/v1/me/keys/{made.json()['id']}")
        assert gone.status_code == 204
        assert (await program.get("/api/v1/me")).status_code == 401
