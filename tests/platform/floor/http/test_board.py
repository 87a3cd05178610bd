"""The live board: what supervisors see, that it follows the floor, and who sees nothing."""

import asyncio
from typing import Any

import msgspec
import pytest

from crewline_floor.board.hub import Hub
from crewline_infra.tenancy import Context, Role
from tests.platform.floor.http.conftest import Person, person
from tests.platform.floor.scene import DISPATCH, Floor
from tests.platform.web.conftest import LogIn

STRANGE = "+8613999999999"


async def running(scene: Floor) -> Any:
    """One contact rings, two wait; the board is written."""
    await scene.presence(scene.agents[0])
    dispatcher = scene.dispatcher()
    await dispatcher.lead()
    for _ in range(2):
        await scene.call(scene.tenants[0], from_address=STRANGE)
    await scene.call(scene.tenants[1])
    scene.clock.advance(5_000)
    await dispatcher.tick()
    await dispatcher.write_board()
    return dispatcher


async def test_a_supervisor_sees_queues_tenants_and_agents(scene: Floor, log_in: LogIn) -> None:
    await running(scene)
    supervisor = await person(log_in, "s@op.example", "supervisor", scene)
    answer = await supervisor.get("/api/v1/floor")
    (pool,) = answer.json()["pools"]
    assert {line["name"]: (line["waiting"], line["seats"]) for line in pool["tenants"]} in (
        {"Tenant-0": (1, 1), "Tenant-1": (1, 0)},
        {"Tenant-0": (2, 0), "Tenant-1": (0, 1)},
    )
    assert [(agent["alias"], agent["state"]) for agent in pool["agents"]] == [("Agent 0", "ringing")]
    assert sum(line["today"]["offered"] for line in pool["queues"]) == 3
    assert all(line["oldest_at"] for line in pool["queues"] if line["waiting"])
    assert pool["members"] == 2
    assert STRANGE not in answer.text


async def test_steering_an_agent(scene: Floor, log_in: LogIn) -> None:
    await running(scene)
    supervisor = await person(log_in, "s@op.example", "supervisor", scene)
    path = f"/api/v1/floor/agents/{scene.agents[1]}/presence"
    moved = await supervisor.send("PUT", path, {"state": "paused", "reason": "meeting"})
    assert (moved.json()["state"], moved.json()["reason"]) == ("paused", "meeting")
    assert (await supervisor.send("PUT", path, {"state": "paused", "reason": "x"})).status_code == 422
    nobody = "/api/v1/floor/agents/00000000-0000-7000-8000-000000000000/presence"
    assert (await supervisor.send("PUT", nobody, {"state": "offline"})).status_code == 404


async def test_outsiders_see_no_floor(scene: Floor, desks: tuple[Person, Person], log_in: LogIn) -> None:
    await running(scene)
    steer = f"/api/v1/floor/agents/{scene.agents[0]}/presence"
    for outsider, status in (
        (desks[0], 403),
        (await person(log_in, "f@op.example", "finance", scene), 403),
        (await person(log_in, "m@a.example", "manager", scene, 0), 404),
    ):
        assert (await outsider.get("/api/v1/floor")).status_code == status
        assert (await outsider.get("/api/v1/floor/stream")).status_code == status
        assert (await outsider.send("PUT", steer, {"state": "offline"})).status_code == status


async def test_why_is_told_to_each_in_their_own_words(scene: Floor, log_in: LogIn) -> None:
    await running(scene)
    row = await scene.admin.fetchrow("select tenant_id, contact_id from routing_decision")
    index = next(n for n, tenant in enumerate(scene.tenants) if tenant.id == row["tenant_id"])
    path = f"/api/v1/tenants/{row['tenant_id']}/contacts/{row['contact_id']}/routing"
    supervisor = await person(log_in, "s@op.example", "supervisor", scene)
    manager = await person(log_in, "m@a.example", "manager", scene, index)
    stranger = await person(log_in, "m@b.example", "manager", scene, 1 - index)
    (told,) = (await supervisor.get(path)).json()
    assert f"Tenant-{index}" in told["sentence"]
    (own,) = (await manager.get(path)).json()
    assert "Tenant-" not in own["sentence"]
    assert "Agent" not in own["sentence"]
    assert (await stranger.get(path)).status_code == 404
    elsewhere = path.replace(str(row["tenant_id"]), str(scene.tenants[1 - index].id))
    assert (await stranger.get(elsewhere)).status_code == 404
    assert (await supervisor.get(elsewhere)).status_code == 404


async def test_a_tenant_cannot_read_the_pool_side_of_a_decision(scene: Floor) -> None:
    await running(scene)
    tenant = await scene.admin.fetchval("select tenant_id from routing_decision")
    with pytest.raises(Exception, match="permission denied"):
        async with scene.database.transaction(Context(Role.TENANT, tenant)) as tx:
            await tx.rows("select reason from routing_decision where tenant_id = $1", tenant)


async def test_every_viewer_gets_the_same_newest_frame(scene: Floor) -> None:
    dispatcher = await running(scene)
    hub = Hub(scene.database)
    viewers = [hub.board_frames(heartbeat_s=30) for _ in range(3)]
    first = [await asyncio.wait_for(anext(viewer), 10) for viewer in viewers]
    assert len({id(frame) for frame in first}) == 1
    slow, *quick = viewers
    for _ in range(3):
        scene.clock.advance(1_000)
        await scene.call(scene.tenants[0])
        await dispatcher.tick()
        await dispatcher.write_board()
        for viewer in quick:
            frame = await asyncio.wait_for(anext(viewer), 10)
            assert board(frame)["at"] == msgspec.to_builtins(scene.clock.now())
    assert await asyncio.wait_for(anext(slow), 10) == frame
    await hub.stop()
    assert (await asyncio.wait_for(anext(slow), 10)).startswith(b"event: shutdown")


async def test_a_quiet_stream_is_kept_open(scene: Floor) -> None:
    hub = Hub(scene.database)
    frames = hub.board_frames(heartbeat_s=0.2)
    told = [await asyncio.wait_for(anext(frames), 10) for _ in range(3)]
    assert b": keep\n\n" in told
    await hub.stop()


async def test_an_older_reign_does_not_overwrite_the_board(scene: Floor) -> None:
    old = await running(scene)
    await scene.admin.execute("update pool_lease set until = now() - interval '1 s'")
    new = scene.dispatcher("two")
    assert await new.lead()
    await new.tick()
    await new.write_board()
    scene.clock.advance(10_000)
    await old.write_board()
    async with scene.database.transaction(DISPATCH) as tx:
        assert await tx.value("select epoch from pool_board") == 2


def board(frame: bytes) -> Any:
    assert frame.startswith(b"event: board\ndata: ")
    return msgspec.json.decode(frame.split(b"data: ", 1)[1])["pools"][0]
