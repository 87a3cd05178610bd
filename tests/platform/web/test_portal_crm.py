"""The tenant's CRM page: addresses, deliveries, the secret shown once, and nobody else's hands on it."""

import re
from http import HTTPStatus

import asyncpg
import httpx
import pytest

from tests.builders import Tenant, create_tenant
from tests.platform.web.conftest import LogIn, csrf_of

URL = "https://crm.example/hooks"
HERE = "/portal/aster/crm"


@pytest.fixture
async def aster(admin: asyncpg.Connection) -> Tenant:
    return await create_tenant(admin)


async def send(client: httpx.AsyncClient, path: str, **form: str) -> httpx.Response:
    """Post a form as the page would."""
    token = csrf_of((await client.get("/portal/aster")).text)
    return await client.post(path, data={"_csrf": token, **form}, follow_redirects=False)


async def with_address(client: httpx.AsyncClient) -> tuple[str, str]:
    """The address's own path, and the secret that was shown."""
    shown = await send(client, f"{HERE}/endpoints", url=URL)
    assert shown.status_code == HTTPStatus.OK, shown.text
    secret = re.search(r"whsec_[\w+/=]+", shown.text)
    place = re.search(rf"{HERE}/endpoints/[0-9a-f-]{{36}}", shown.text)
    assert secret is not None
    assert place is not None
    return place[0], secret[0]


async def test_a_secret_is_shown_once_and_again_only_when_it_is_another(aster: Tenant, log_in: LogIn) -> None:
    manager = await log_in("lin@aster.example", ("manager", aster))
    assert "No address yet" in (await manager.get(HERE)).text
    place, secret = await with_address(manager)
    page = await manager.get(HERE)
    assert URL in page.text
    assert "whsec_" not in page.text
    rotated = await send(manager, f"{place}/secret")
    assert "whsec_" in rotated.text
    assert secret not in rotated.text
    assert rotated.headers["cache-control"] == "no-store"


async def test_a_test_event_is_listed_until_it_is_acknowledged_and_can_be_sent_again(
    aster: Tenant, admin: asyncpg.Connection, log_in: LogIn
) -> None:
    manager = await log_in("lin@aster.example", ("manager", aster))
    place, _secret = await with_address(manager)
    away = await send(manager, f"{place}/test")
    assert away.headers["location"] == f"{HERE}?made=test"
    delivery = await admin.fetchval("select id from crm_delivery")
    waiting = await send(manager, f"{HERE}/deliveries/{delivery}/replay")
    assert waiting.status_code == HTTPStatus.CONFLICT
    assert "still on its way" in waiting.text
    await admin.execute("update crm_delivery set state = 'dead', attempts = 10, last_status = 500")
    page = await manager.get(f"{HERE}?only=dead&delivery={delivery}")
    assert "Some were given up" in page.text
    assert "HTTP 500" in page.text
    await send(manager, f"{HERE}/deliveries/{delivery}/replay")
    assert await admin.fetchval("select state from crm_delivery") == "pending"
    assert "0 deliveries" in (await manager.get(f"{HERE}?only=dead")).text


async def test_pausing_and_a_wrong_address(aster: Tenant, admin: asyncpg.Connection, log_in: LogIn) -> None:
    manager = await log_in("lin@aster.example", ("manager", aster))
    place, _secret = await with_address(manager)
    await send(manager, f"{place}/pause")
    assert await admin.fetchval("select state from crm_endpoint") == "paused"
    await send(manager, f"{place}/activate")
    refused = await send(manager, f"{place}/address", url="http://169.254.169.254/")
    assert refused.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert 'role="alert"' in refused.text
    assert tuple(await admin.fetchrow("select url, state from crm_endpoint")) == (URL, "active")
    assert (await send(manager, f"{place}/explode")).status_code == HTTPStatus.NOT_FOUND


async def test_outsiders_and_viewers_reach_nothing_of_it(
    aster: Tenant, admin: asyncpg.Connection, log_in: LogIn
) -> None:
    manager = await log_in("lin@aster.example", ("manager", aster))
    place, _secret = await with_address(manager)
    viewer = await log_in("vi@aster.example", ("viewer", aster))
    assert (await viewer.get(HERE)).status_code == HTTPStatus.FORBIDDEN
    assert (await send(viewer, f"{place}/secret")).status_code == HTTPStatus.FORBIDDEN
    birch = await create_tenant(admin, "birch")
    outsider = await log_in("bo@birch.example", ("manager", birch))
    token = csrf_of((await outsider.get("/portal/birch")).text)
    foreign = await outsider.post(f"{place}/secret", data={"_csrf": token})
    mine = await outsider.post(place.replace("aster", "birch") + "/secret", data={"_csrf": token})
    assert (foreign.status_code, mine.status_code) == (404, 404)
    forged = await manager.post(f"{place}/pause", data={"_csrf": "guessed"})
    assert forged.status_code == HTTPStatus.FORBIDDEN
    assert await admin.fetchval("select state from crm_endpoint") == "active"
