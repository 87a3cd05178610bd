"""The CRM feed over the API: its owner's hand, nobody else's."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide

from crewline_app.problems import exception_handlers
from crewline_infra.ids import new_id
from crewline_infra.settings import Settings
from crewline_tenants.crm import http, rules
from crewline_tenants.people.access import dependencies
from crewline_tenants.people.rules import Membership, PersonRole, Principal
from tests.builders import Tenant, create_tenant
from tests.tenants.crm.conftest import Scene, facts

URL = "https://crm.example.com/hook"


class Api:
    """`await api("manager", "POST", "/endpoints", json=…)` on the tenant whose people have the short names."""

    def __init__(self, client: httpx.AsyncClient, tenant: Tenant) -> None:
        self.client, self.tenant = client, tenant

    async def __call__(self, person: str, method: str, path: str, **more: Any) -> httpx.Response:
        url = f"/api/v1/tenants/{self.tenant.id}/crm{path}"
        return await self.client.request(method, url, headers={"x-person": person}, **more)

    async def endpoint(self) -> dict[str, Any]:
        made: dict[str, Any] = (await self("manager", "POST", "/endpoints", json={"url": URL})).json()
        return made


@pytest.fixture
async def api(scene: Scene, tmp_path: Path) -> AsyncIterator[Api]:
    tenant, other = await create_tenant(scene.admin), await create_tenant(scene.admin, "other")
    people = {role.value: _person(operator_role=role) for role in PersonRole}
    people |= {role.value: _member(tenant, role) for role in (PersonRole.MANAGER, PersonRole.VIEWER)}
    people["outsider"] = _member(other, PersonRole.MANAGER)

    def who(request: Request[Any, Any, Any]) -> Principal:
        return people[request.headers["x-person"]]

    app = Litestar(
        route_handlers=http.ROUTES,
        state=State({"database": scene.web, "clock": scene.clock, "settings": Settings(home=tmp_path)}),
        dependencies={**dependencies(), "principal": Provide(who, sync_to_thread=False)},
        exception_handlers=exception_handlers(),
    )
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # another ASGI typing
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield Api(client, tenant)


def _person(**about: Any) -> Principal:
    return Principal(user_id=new_id(), login="x@example.com", name="X", **about)


def _member(tenant: Tenant, role: PersonRole) -> Principal:
    return _person(memberships=(Membership(tenant_id=tenant.id, slug=tenant.slug, name="T", role=role),))


OPERATIONS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "/endpoints", None),
    ("POST", "/endpoints", {"url": URL}),
    ("GET", "/endpoints/{endpoint}", None),
    ("PUT", "/endpoints/{endpoint}", {"url": URL, "state": "paused"}),
    ("POST", "/endpoints/{endpoint}/secret", None),
    ("POST", "/endpoints/{endpoint}/test", None),
    ("GET", "/deliveries", None),
    ("GET", "/deliveries/{delivery}", None),
    ("POST", "/deliveries/{delivery}/replay", None),
    ("POST", "/deliveries/replay", {"since": "2020-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z"}),
]


@pytest.mark.parametrize(("method", "path", "body"), OPERATIONS)
async def test_outsiders_and_colleagues_with_less_get_nothing(
    scene: Scene, api: Api, method: str, path: str, body: dict[str, Any] | None
) -> None:
    made = await api.endpoint()
    await scene.enqueue(api.tenant, facts())
    before = await state_of(scene)
    delivery = await scene.admin.fetchval("select id from crm_delivery")
    ids = {"endpoint": made["endpoint"]["id"], "delivery": str(delivery)}
    reading = method == "GET"
    allowed = {"outsider": 404, "agent": 404, "viewer": 403, "finance": 403, "supervisor": 200 if reading else 403}
    for person, status in allowed.items():
        answer = await api(person, method, path.format(**ids), json=body)
        assert answer.status_code == status, (person, answer.text)
        assert status == 200 or "crm.example.com" not in answer.text
    assert await state_of(scene) == before, "nothing was changed"


async def state_of(scene: Scene) -> list[Any]:
    return [
        await scene.admin.fetch("select * from crm_endpoint order by id"),
        await scene.admin.fetch("select * from crm_delivery order by id"),
    ]


@pytest.mark.parametrize(("method", "path", "body"), [operation for operation in OPERATIONS if "{" in operation[1]])
async def test_an_id_of_another_tenant_looks_like_one_that_never_was(
    scene: Scene, api: Api, method: str, path: str, body: dict[str, Any] | None
) -> None:
    foreign = await scene.tenant("foreign")
    await scene.enqueue(foreign, facts())
    endpoint, delivery = await scene.admin.fetchrow("select endpoint_id, id from crm_delivery") or (None, None)
    answers = [
        await api("manager", method, path.format(endpoint=one, delivery=two), json=body)
        for one, two in ((endpoint, delivery), (UUID(int=1), UUID(int=2)))
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


async def test_the_secret_is_shown_once_and_sealed_at_rest(scene: Scene, api: Api) -> None:
    made = await api.endpoint()
    key = rules.decode_secret(made["secret"])
    stored: bytes = await scene.admin.fetchval("select secret from crm_endpoint")
    assert key not in stored
    assert made["secret"].encode() not in stored
    listed = await api("manager", "GET", "/endpoints")
    assert made["secret"] not in listed.text
    rotated = await api("manager", "POST", f"/endpoints/{made['endpoint']['id']}/secret")
    assert rules.decode_secret(rotated.json()["secret"]) != key
    actions = [row["action"] for row in await scene.admin.fetch("select action from audit_entry order by at")]
    assert actions == ["crm.endpoint_added", "crm.secret_rotated"]


@pytest.mark.parametrize(
    "url",
    [
        "http://crm.example.com/",
        "https://127.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/",
        "https://2130706433/",
        "https://user:pw@crm.example.com/",
        "https://crm.example.com:5432/",
        "http://127.0.0.1:9000/",
    ],
)
async def test_an_address_inside_is_refused_with_one_sentence(scene: Scene, api: Api, url: str) -> None:
    made = await api.endpoint()
    for method, path in (("POST", "/endpoints"), ("PUT", f"/endpoints/{made['endpoint']['id']}")):
        answer = await api("manager", method, path, json={"url": url})
        assert answer.status_code == 422
        assert "url" in answer.text
    assert await scene.admin.fetchval("select array_agg(url) from crm_endpoint") == [URL]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": ""},
        {"url": URL, "tenant_id": str(UUID(int=1))},
        {"url": URL, "state": "gone"},
        {"url": URL, "secret": "short"},
        {"url": URL, "secret": "whsec_AAAA"},
        {"url": 5},
    ],
)
async def test_bad_bodies_change_nothing(scene: Scene, api: Api, body: dict[str, Any]) -> None:
    answer = await api("manager", "POST", "/endpoints", json=body)
    assert answer.status_code in {400, 422}
    assert await scene.admin.fetchval("select count(*) from crm_endpoint") == 0


async def test_a_sixth_endpoint_is_refused(api: Api) -> None:
    for _ in range(5):
        assert (await api("manager", "POST", "/endpoints", json={"url": URL})).status_code == 201
    assert (await api("manager", "POST", "/endpoints", json={"url": URL})).status_code == 409


async def test_deliveries_page_through_all_of_them_and_show_no_content(scene: Scene, api: Api) -> None:
    await api.endpoint()
    for n in range(5):
        await scene.enqueue(api.tenant, facts(f"C-{n}"))
    seen: list[str] = []
    before: str | None = None
    while True:
        params = {"limit": "2"} | ({"before": before} if before else {})
        page = (await api("manager", "GET", "/deliveries", params=params)).json()
        seen += [delivery["id"] for delivery in page["deliveries"]]
        before = page["next"]
        if before is None:
            break
    made = await scene.admin.fetch("select id from crm_delivery order by created_at desc, id desc")
    assert seen == [str(row["id"]) for row in made]
    assert (await api("manager", "GET", "/deliveries", params={"only": "dead"})).json()["deliveries"] == []
    for bad in ({"limit": "0"}, {"limit": "201"}, {"before": "x"}, {"before": "AAAA"}, {"only": "lost"}):
        assert (await api("manager", "GET", "/deliveries", params=bad)).status_code in {400, 422}, bad


async def test_a_dead_letter_is_inspected_and_sent_again(scene: Scene, api: Api) -> None:
    made = await api.endpoint()
    sent = (await api("manager", "POST", f"/endpoints/{made['endpoint']['id']}/test")).json()
    again = await api("manager", "POST", f"/deliveries/{sent['id']}/replay")
    assert again.status_code == 409, "it is still on its way"
    await scene.admin.execute("update crm_delivery set state = 'dead', attempts = 10")
    dead = (await api("supervisor", "GET", "/deliveries", params={"only": "dead"})).json()["deliveries"]
    assert [delivery["id"] for delivery in dead] == [sent["id"]]
    stretch = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
    assert (await api("admin", "POST", "/deliveries/replay", json=stretch)).json() == {"count": 1}
    shown = (await api("manager", "GET", f"/deliveries/{sent['id']}")).json()
    assert (shown["delivery"]["state"], shown["delivery"]["attempts"]) == ("pending", 0)
