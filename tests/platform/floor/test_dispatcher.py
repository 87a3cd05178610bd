"""The dispatcher on a real database: nobody lost, nobody twice, whatever happens in between."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from crewline_floor.contacts import service_legs as legs
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database, set_codecs
from crewline_infra.errors import Conflict, NotFound
from crewline_infra.ids import new_id
from tests.platform.floor.scene import DISPATCH, Floor, floor


@pytest.fixture
async def scene(database: Database, admin: asyncpg.Connection, clock: ManualClock) -> Floor:
    await set_codecs(admin)
    return await floor(database, admin, clock)


async def test_a_call_is_offered_answered_wrapped_up_and_told(scene: Floor) -> None:
    tenant, agent = scene.tenants[0], scene.agents[0]
    await scene.presence(scene.agents[1], "paused", "break")
    dispatcher = scene.dispatcher()
    assert await dispatcher.lead()
    contact = await scene.call(tenant)
    scene.clock.advance(3_000)
    assert await dispatcher.tick() == 1
    scene.clock.advance(2_000)
    assert await scene.handle(agent) == contact

    assert await scene.events(contact) == [
        "ContactArrived",
        "ContactQueued",
        "ContactOffered",
        "ContactAnswered",
        "ContactReleased",
        "ContactClosed",
    ]
    told = await scene.closed(contact)
    assert (told["outcome"], told["disposition"], told["agent_alias"]) == ("answered", "done", "Agent 0")
    spent = {name: told[name] for name in ("menu_ms", "wait_ms", "ring_ms", "talk_ms", "hold_ms", "wrap_ms")}
    assert spent == {
        "menu_ms": 0,
        "wait_ms": 5_000,
        "ring_ms": 2_000,
        "talk_ms": 60_000,
        "hold_ms": 0,
        "wrap_ms": 10_000,
    }
    assert await scene.slot(agent) is None
    decision = await scene.admin.fetchrow("select * from routing_decision where contact_id = $1", contact)
    assert decision["rule"] == "only"
    assert "tenants" in decision["reason"]
    assert "tenants" not in decision["own"]


async def test_no_answer_returns_the_contact_to_its_place_and_pauses_the_agent(scene: Floor) -> None:
    tenant, (silent, other) = scene.tenants[0], scene.agents
    await scene.presence(other, "paused", "break")
    dispatcher = scene.dispatcher()
    await dispatcher.lead()
    first = await scene.call(tenant)
    await dispatcher.tick()
    scene.clock.advance(1_000)
    second = await scene.call(tenant)
    scene.clock.advance(20_000)
    await scene.presence(other)
    await dispatcher.tick()
    slot = await scene.slot(other)
    assert slot is not None
    assert slot.contact_id == first  # before the one that came later
    assert (await scene.state(second))["state"] == "queued"
    presence = await scene.admin.fetchrow("select * from agent_presence where agent_id = $1", silent)
    assert (presence["state"], presence["reason"]) == ("paused", "no_answer")
    leg = await scene.admin.fetchrow("select * from leg where contact_id = $1 and agent_id = $2", first, silent)
    assert (leg["outcome"], leg["ended_at"] - leg["offered_at"]) == ("no_answer", timedelta(seconds=20))
    with pytest.raises(Conflict):
        async with scene.database.transaction(DISPATCH) as tx:
            await legs.answer(tx, tenant.id, leg["id"], silent, scene.clock.now())


async def test_a_caller_gone_while_ringing_frees_the_agent(scene: Floor) -> None:
    tenant = scene.tenants[0]
    dispatcher = scene.dispatcher()
    await dispatcher.lead()
    contact = await scene.call(tenant)
    await dispatcher.tick()
    scene.clock.advance(4_000)
    assert await scene.hang_up(tenant, contact)
    assert not await scene.hang_up(tenant, contact)
    told = await scene.closed(contact)
    assert (told["outcome"], told["wait_ms"], told["ring_ms"], told["agent_id"]) == ("abandoned", 4_000, 4_000, None)
    again = await scene.call(scene.tenants[1])
    assert await dispatcher.tick() == 1
    assert (await scene.state(again))["state"] == "offered"


async def test_two_answers_at_once_are_one_conversation(scene: Floor) -> None:
    await scene.presence(scene.agents[1], "offline")
    dispatcher = scene.dispatcher()
    await dispatcher.lead()
    contact = await scene.call(scene.tenants[0])
    await dispatcher.tick()
    answered = await asyncio.gather(*(scene.answer(scene.agents[0]) for _ in range(4)))
    assert {slot.contact_id for slot in answered} == {contact}
    assert (await scene.events(contact)).count("ContactAnswered") == 1
    stranger = scene.agents[1]
    with pytest.raises(NotFound):
        async with scene.database.transaction(DISPATCH) as tx:
            await legs.answer(tx, answered[0].tenant_id, answered[0].leg_id, stranger, scene.clock.now())
    with pytest.raises(NotFound):
        async with scene.database.transaction(DISPATCH) as tx:
            await legs.hold(tx, scene.tenants[1].id, answered[0].leg_id, scene.agents[0], scene.clock.now())


async def test_answer_and_hang_up_at_once_end_in_one_of_the_two(scene: Floor) -> None:
    dispatcher = scene.dispatcher()
    await dispatcher.lead()
    for _ in range(8):
        contact = await scene.call(scene.tenants[0])
        await dispatcher.tick()
        slots = [slot for agent in scene.agents if (slot := await scene.slot(agent))]
        results: list[Any] = await asyncio.gather(
            scene.answer(slots[0].agent_id), scene.hang_up(scene.tenants[0], contact), return_exceptions=True
        )
        row = await scene.state(contact)
        assert row["state"] in ("closed", "wrapping")
        assert (row["outcome"] == "answered") == (not isinstance(results[0], BaseException))
        if row["state"] == "wrapping":
            scene.clock.advance(60_000)
            await dispatcher.tick()
            assert (await scene.closed(contact))["flags"] == ["wrap_up_over"]


async def test_two_dispatchers_alive_never_double_book(scene: Floor) -> None:
    """The lease keeps one out; one that decides from stale memory is stopped by epoch and slot."""
    first, second = scene.dispatcher("first"), scene.dispatcher("second")
    assert await first.lead()
    assert not await second.lead()
    assert await second.tick() == 0
    for _ in range(6):
        await scene.call(scene.tenants[0])
    await first._read(full=True)  # stale from here on
    await scene.admin.execute("update pool_lease set until = now() - interval '1 s'")
    assert await second.lead()
    assert await second.tick() == 2
    assert await first._guarded_decide() == 0
    assert first.lease is None
    assert await scene.admin.fetchval("select count(*) from agent_slot") == 2
    assert await scene.admin.fetchval("select count(*) from leg where ended_at is null") == 2


async def test_slots_alone_stop_a_double_booking(scene: Floor) -> None:
    """Even without a fence: two batches for the same contacts and agents at the same moment."""
    for _ in range(6):
        await scene.call(scene.tenants[0])
    one, two = scene.dispatcher("one"), scene.dispatcher("one")
    await one.lead()
    two.lease = one.lease
    made = await asyncio.gather(one.tick(), two.tick())
    assert sum(made) == 2
    rows = await scene.admin.fetch("select contact_id, agent_id from leg where ended_at is null")
    assert len({row["contact_id"] for row in rows}) == len({row["agent_id"] for row in rows}) == len(rows) == 2


async def test_a_new_dispatcher_knows_the_floor_from_its_rows(scene: Floor) -> None:
    waiting = [await scene.call(scene.tenants[n % 2]) for n in range(5)]
    old = scene.dispatcher("old")
    await old.lead()
    assert await old.tick() == 2
    await old.stop()
    new = scene.dispatcher("new")
    assert await new.lead()
    assert await new.tick() == 0
    assert new.matcher is not None
    assert len(new.matcher.lanes) == 3
    assert sum(new.matcher.seats.values()) == 2
    scene.clock.advance(20_001)  # the ringing that the old one started ends under the new one
    for agent in scene.agents:
        await scene.presence(agent)
    await new.tick()
    outcomes = [row["outcome"] for row in await scene.admin.fetch("select outcome from leg where ended_at is not null")]
    assert outcomes == ["no_answer", "no_answer"]
    states = {(await scene.state(contact))["state"] for contact in waiting}
    assert states <= {"queued", "offered"}


async def test_hints_are_enough_between_full_readings(scene: Floor) -> None:
    dispatcher = scene.dispatcher()
    await dispatcher.lead()
    await dispatcher.tick()
    contact = await scene.call(scene.tenants[1])
    assert await dispatcher.tick(full=False) == 0
    dispatcher.note_contact(scene.tenants[1].id, contact)
    assert await dispatcher.tick(full=False) == 1
    dispatcher.note_contact(new_id(), new_id())
    assert await dispatcher.tick(full=False) == 0


async def test_the_same_news_twice_is_one_contact(scene: Floor) -> None:
    first = await scene.call(scene.tenants[0])
    scene.calls -= 1
    with pytest.raises(Conflict, match="moved on"):
        await scene.call(scene.tenants[0])
    assert await scene.admin.fetchval("select count(*) from contact") == 1
    assert (await scene.state(first))["state"] == "queued"
