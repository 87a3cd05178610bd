"""Hours of a simulated floor on a clock that is moved by hand: everybody is accounted for."""

from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crewline_floor.engines.answers import answers_for
from crewline_floor.engines.patterns import (
    Pattern,
    Patterns,
    Spread,
    Weibull,
    load_for,
    next_arrival,
    parse_patterns,
    rate_per_s,
)
from crewline_floor.engines.simulation import Simulation
from crewline_floor.routing.dispatch import PoolDispatcher
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database, set_codecs
from crewline_infra.errors import Invalid
from crewline_infra.ids import new_id
from crewline_infra.tenancy import Context, Role
from crewline_tenants.scripts import answers, rules
from crewline_tenants.scripts import service as scripts
from tests.platform.floor.scene import Floor, floor
from tests.tenants.scripts.test_script_language import EXAMPLE

FLAT = ((20.0,) * 48,) * 7


async def add_number(scene: Floor, n: int) -> None:
    entry, tenant = new_id(), scene.tenants[n]
    await scene.admin.execute(
        """
        insert into entry_point (tenant_id, id, kind, address, name, queue_id, created_at)
        values ($1, $2, 'number', $3, 'Line', $4, now())
        """,
        tenant.id,
        entry,
        f"+86400000{n}",
        scene.queues[tenant.id],
    )
    await scene.admin.execute(
        "insert into entry_address (kind, address, tenant_id, entry_point_id) values ('number', $1, $2, $3)",
        f"+86400000{n}",
        tenant.id,
        entry,
    )


async def run_until(
    simulation: Simulation, dispatchers: list[PoolDispatcher], clock: ManualClock, end: datetime
) -> None:
    """Jump from one due thing to the next; every round does what a process's loops would do."""
    while clock.now() < end:
        await simulation.step()
        for dispatcher in dispatchers:
            await dispatcher.tick()
        await simulation.step()
        due = [simulation.next_at(), *(dispatcher.next_timer() for dispatcher in dispatchers)]
        ahead = min(at for at in due if at is not None)
        clock.set(min(max(ahead, clock.now() + timedelta(milliseconds=200)), end))


async def test_an_hour_and_a_half_conserves_contacts_and_time(
    database: Database, admin: asyncpg.Connection, clock: ManualClock
) -> None:
    """Two tenants, four agents, a dispatcher that dies in the middle."""
    await set_codecs(admin)
    scene = await floor(database, admin, clock, agents=4, simulated=True)
    async with database.transaction(Context(Role.OPS, scene.tenants[0].id)) as tx:
        await scripts.publish(tx, scene.tenants[0].id, "move", EXAMPLE, at=clock.now())
    await admin.execute(
        "update queue set script_id = (select id from script) where tenant_id = $1", scene.tenants[0].id
    )
    for n in range(2):
        await add_number(scene, n)
    pattern = Pattern(arrivals=FLAT, patience=Weibull(70_000))
    started = clock.now()
    simulation = Simulation(database, clock, Patterns(default=pattern, no_answer_share=0.1), seed=7, run="t")
    await simulation.start()
    first = scene.dispatcher("first")
    await first.lead()
    await run_until(simulation, [first], clock, started + timedelta(minutes=45))
    await first.stop()
    second, again = (
        scene.dispatcher("second"),
        Simulation(database, clock, Patterns(default=pattern, no_answer_share=0.1), seed=8, run="u"),
    )
    assert await second.lead()
    await again.start()
    await run_until(again, [second], clock, started + timedelta(minutes=90))
    await assert_conserved(scene, simulation.calls + again.calls)
    await assert_time_adds_up(scene, started)
    filled = await admin.fetchval("select count(*) from script_run where finished_at is not null")
    assert filled > 10


async def assert_conserved(scene: Floor, calls: int) -> None:
    count = scene.admin.fetchval
    arrived = await count("select count(*) from contact")
    handled = await count("select count(*) from contact where state = 'closed' and outcome = 'answered'")
    lost = await count("select count(*) from contact where state = 'closed' and outcome <> 'answered'")
    still_open = await count("select count(*) from contact where state <> 'closed'")
    assert arrived == calls == handled + lost + still_open
    assert handled > 30
    assert lost > 5
    closed = await count("select count(*) from outbox where type = 'ContactClosed'")
    assert closed == handled + lost
    doubled = await scene.admin.fetch(
        """
        select a.id from leg a join leg b on b.agent_id = a.agent_id and b.id > a.id
         where a.offered_at < coalesce(b.ended_at, 'infinity') and b.offered_at < coalesce(a.ended_at, 'infinity')
        """
    )
    assert doubled == []
    live = await count("select count(*) from leg where ended_at is null")
    assert live == await count("select count(*) from agent_slot") <= len(scene.agents)


async def assert_time_adds_up(scene: Floor, started: datetime) -> None:
    """Every agent's log is one line without gap or overlap, and contacts' parts are their whole."""
    for agent in scene.agents:
        rows = await scene.admin.fetch(
            "select started_at, ended_at from agent_state_log where agent_id = $1 order by started_at, id", agent
        )
        assert rows[0]["started_at"] == started
        assert rows[-1]["ended_at"] is None
        for row, following in pairwise(rows):
            assert row["ended_at"] == following["started_at"]
    parts = await scene.admin.fetch("select payload from outbox where type = 'ContactClosed'")
    for row in parts:
        told = row["payload"]
        end = datetime.fromisoformat(told["wrapped_at"] or told["ended_at"])
        whole = (end - datetime.fromisoformat(told["arrived_at"])) / timedelta(milliseconds=1)
        assert whole == sum(told[f"{part}_ms"] for part in ("menu", "wait", "talk", "hold", "wrap"))


async def test_it_never_answers_for_a_person(database: Database, admin: asyncpg.Connection, clock: ManualClock) -> None:
    await set_codecs(admin)
    scene = await floor(database, admin, clock, agents=1, tenants=1)
    await add_number(scene, 0)
    patient = Pattern(arrivals=FLAT, patience=Weibull(36_000_000, 5.0), menu_ended_share=0)
    simulation = Simulation(database, clock, Patterns(default=patient), seed=3)
    await simulation.start()
    dispatcher = scene.dispatcher()
    await dispatcher.lead()
    started = clock.now()
    while (slot := await scene.slot(scene.agents[0])) is None:
        await run_until(simulation, [dispatcher], clock, clock.now() + timedelta(seconds=5))
        assert clock.now() < started + timedelta(minutes=30)
    await run_until(simulation, [], clock, clock.now() + timedelta(seconds=10))
    assert (await scene.state(slot.contact_id))["state"] == "offered"
    await scene.answer(scene.agents[0])
    await run_until(simulation, [], clock, clock.now() + timedelta(seconds=290))
    assert (await scene.state(slot.contact_id))["state"] == "talking"


@given(st.integers(0, 10**6), st.sampled_from(["Asia/Shanghai", "America/New_York"]))
def test_arrivals_follow_the_table(seed: int, zone: str) -> None:
    """None outside the only half-hour that has calls; always later than asked for."""
    days = [[0.0] * 48 for _ in range(7)]
    days[2][19] = 5.0  # Wednesdays from 09:30 to 10:00
    pattern = Pattern(arrivals=tuple(map(tuple, days)))
    after = datetime(2026, 3, 2, 9, tzinfo=ZoneInfo("UTC"))
    at = next_arrival(pattern, after, ZoneInfo(zone), 1.0, Random(seed))
    assert at is None or at > after
    if at is not None:
        local = at.astimezone(ZoneInfo(zone))
        assert (local.weekday(), local.hour, local.minute >= 30) == (2, 9, True)


def test_a_quiet_rate_keeps_a_demonstration_alive() -> None:
    pattern = Pattern(arrivals=((0.0,) * 48,) * 7, quiet_per_half_hour=18)
    at = datetime(2026, 3, 2, 3, tzinfo=ZoneInfo("UTC"))
    assert rate_per_s(pattern, at, ZoneInfo("UTC")) == pytest.approx(0.01)


def test_the_load_fits_the_crew() -> None:
    """Nine calls of 180 s in a half-hour keep 0.9 agents busy."""
    pattern = Pattern(arrivals=((9.0,) * 48,) * 7, talk=Spread(162_000, 0.0), wrap_up=Spread(18_000, 0.0))
    assert load_for([pattern, pattern], 18) == pytest.approx(10)
    assert load_for([], 18) == load_for([pattern], 0) == 1


def test_patterns_that_cannot_be_used_are_refused() -> None:
    assert parse_patterns({"tenants": {"a": {"known_share": 0.1}}}).of("a").known_share == 0.1
    for document in ({"default": {"arrivals": [[1.0]]}}, {"surprise": 1}, {"default": {"talk": {"median": 1}}}):
        with pytest.raises(Invalid):
            parse_patterns(document)


@given(st.integers(0, 10**6))
def test_a_simulated_agent_fills_in_what_the_script_accepts(seed: int) -> None:
    for step in rules.parse_script(EXAMPLE).steps:
        assert answers.check_answers(step, answers_for(step, Random(seed)))[1] == {}
