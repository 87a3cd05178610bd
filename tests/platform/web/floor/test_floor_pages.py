"""The supervisor's page: what is on the board, in order of risk; filters, wallboard, steering; outsiders."""

import re
from http import HTTPStatus

import pytest

from crewline_floor.agents import service as agents
from crewline_floor.routing.dispatch import PoolDispatcher
from tests.platform.floor.http.conftest import Person, person
from tests.platform.floor.scene import DISPATCH, Floor
from tests.platform.web.conftest import LogIn

STRANGE = "+8613999999999"


async def busy(scene: Floor) -> PoolDispatcher:
    """One contact rings, two wait for 40 s; the board is written."""
    await scene.presence(scene.agents[0])
    dispatcher = scene.dispatcher()
    await dispatcher.lead()
    for _ in range(2):
        await scene.call(scene.tenants[0], from_address=STRANGE)
    await scene.call(scene.tenants[1])
    await dispatcher.tick()
    scene.clock.advance(40_000)
    await dispatcher.write_board()
    return dispatcher


async def test_an_empty_floor_says_what_is_missing(scene: Floor, log_in: LogIn) -> None:
    supervisor = await person(log_in, "s@op.example", "supervisor", scene)
    html = (await supervisor.client.get("/floor")).text
    assert "crewline dispatcher" in html
    assert "Nobody is signed in." in html


async def test_a_supervisor_sees_who_waits_too_long_for_whom(scene: Floor, log_in: LogIn) -> None:
    await busy(scene)
    supervisor = await person(log_in, "s@op.example", "supervisor", scene)
    html = (await supervisor.client.get("/floor")).text
    assert html.count("Waits too long") >= 1
    assert "Over target" in html
    assert "Agent 0" in html
    assert re.search(r"<span>Waiting</span>.*?<span class=\"val\">2", html, re.DOTALL)
    assert STRANGE not in html
    assert "9999" not in html


async def test_parts_keep_their_version_until_the_board_changes(scene: Floor, log_in: LogIn) -> None:
    dispatcher = await busy(scene)
    supervisor = await person(log_in, "s@op.example", "supervisor", scene)
    versions = re.compile(r'data-part="(\w+)" data-version="(\w+)"')
    first = dict(versions.findall((await supervisor.client.get("/floor/part")).text))
    scene.clock.advance(3_000)
    assert dict(versions.findall((await supervisor.client.get("/floor/part")).text)) == first
    await scene.presence(scene.agents[1])
    await dispatcher.write_board()
    later = dict(versions.findall((await supervisor.client.get("/floor/part")).text))
    assert later["agents"] != first["agents"]


async def test_a_filter_for_a_tenant_leaves_the_others_out(scene: Floor, log_in: LogIn) -> None:
    await busy(scene)
    supervisor = await person(log_in, "s@op.example", "supervisor", scene)
    html = (await supervisor.client.get(f"/floor/part?tenant={scene.tenants[0].id}")).text
    assert "Tenant-0" in html
    assert "Tenant-1" not in html
    assert (await supervisor.client.get("/floor?tenant=nonsense")).status_code in {400, 422}


async def test_the_wallboard_and_the_table_as_a_file(scene: Floor, log_in: LogIn) -> None:
    await busy(scene)
    supervisor = await person(log_in, "s@op.example", "supervisor", scene)
    assert 'class="wall"' in (await supervisor.client.get("/floor?wall")).text
    answer = await supervisor.client.get("/floor/queues/export")
    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.text.splitlines()
    assert sum(line.startswith("Tenant-") for line in lines) == 2


async def test_a_supervisor_pauses_an_agent_with_a_reason(scene: Floor, log_in: LogIn) -> None:
    await busy(scene)
    supervisor = await person(log_in, "s@op.example", "supervisor", scene)
    path = f"/floor/agents/{scene.agents[1]}/presence"
    good = {"_csrf": supervisor.csrf, "state": "paused", "reason": "meeting"}
    assert (await supervisor.client.post(path, data=good)).status_code == HTTPStatus.SEE_OTHER
    async with scene.database.transaction(DISPATCH) as tx:
        assert (await agents.presence(tx, scene.agents[1])).reason == "meeting"
    bad = good | {"reason": "because"}
    assert (await supervisor.client.post(path, data=bad)).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    away = good | {"next": "//evil.example"}
    assert (await supervisor.client.post(path, data=away)).headers["location"] == "/floor"


@pytest.mark.parametrize(("language", "word"), [("zh_Hans", "等待过久"), ("zh_Hant", "等待過久")])
async def test_the_floor_speaks_chinese(scene: Floor, log_in: LogIn, language: str, word: str) -> None:
    await busy(scene)
    supervisor = await person(log_in, "s@op.example", "supervisor", scene)
    supervisor.client.cookies.set("crewline_lang", language)
    html = (await supervisor.client.get("/floor")).text
    assert word in html
    assert "Waits too long" not in html


async def test_outsiders_see_no_floor(scene: Floor, desks: tuple[Person, Person], log_in: LogIn) -> None:
    await busy(scene)
    steer = f"/floor/agents/{scene.agents[0]}/presence"
    for outsider, status in (
        (desks[0], HTTPStatus.FORBIDDEN),
        (await person(log_in, "f@op.example", "finance", scene), HTTPStatus.FORBIDDEN),
        (await person(log_in, "m@a.example", "manager", scene, 0), HTTPStatus.NOT_FOUND),
        (await person(log_in, "m@b.example", "manager", scene, 1), HTTPStatus.NOT_FOUND),
    ):
        for path in ("/floor", "/floor/part", "/floor/queues/export"):
            answer = await outsider.client.get(path)
            assert answer.status_code == status, path
            assert "Tenant-0" not in answer.text
        changed = {"_csrf": outsider.csrf, "state": "offline"}
        assert (await outsider.client.post(steer, data=changed)).status_code == status
    async with scene.database.transaction(DISPATCH) as tx:
        assert (await agents.presence(tx, scene.agents[0])).state == "available"
