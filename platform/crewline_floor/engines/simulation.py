"""The simulated engine: customers call, wait, leave; simulated agents answer, talk, hold, wrap up.

It goes through the same doors as a real engine and a real desk. Everything that will happen lies in
one queue ordered by instant; `step` does what is due by the clock. It never answers for a human
agent: there the simulated customer stays until released, or for a good talk.
"""

import heapq
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from crewline_floor.agents import service as agents
from crewline_floor.agents import service_pool as agent_pool
from crewline_floor.agents.rules import SYSTEM_REASONS
from crewline_floor.agents.service import SlotView
from crewline_floor.contacts import service as contacts
from crewline_floor.contacts import service_legs as legs
from crewline_floor.engines import service, store
from crewline_floor.engines.events import CallArrived, CallerGone, MenuLeft
from crewline_floor.engines.patterns import Pattern, Patterns, load_for, next_arrival
from crewline_floor.engines.simulated_agent import close_contact
from crewline_infra.clock import Clock
from crewline_infra.db import Database
from crewline_infra.errors import CrewlineError
from crewline_infra.ids import new_id
from crewline_infra.log import get_logger
from crewline_infra.tenancy import Context, Role

NAME = "simulated"
HUMAN_TALK_MIN_MS = 150_000
"""A customer in a human agent's hands stays for twice this at least, unless released."""
CUSTOMER_FIRST_SHARE = 0.5
BACK_AFTER_MS = 45_000
_CONTEXT = Context(Role.DISPATCH, request_id="simulation")
_KNOWN_MAX = 300
_log = get_logger("simulation")

Deed = Callable[[datetime], Awaitable[None]]


class Line(msgspec.Struct, frozen=True):
    """A tenant that is called: its numbers, its customers' numbers, how they behave."""

    tenant_id: UUID
    zone: ZoneInfo
    numbers: list[str]
    phones: list[str]
    pattern: Pattern


class Simulation:
    name = NAME

    def __init__(
        self,
        database: Database,
        clock: Clock,
        patterns: Patterns,
        *,
        seed: int = 1,
        speed: float = 1.0,
        load: float | None = 1.0,
        run: str | None = None,
    ) -> None:
        """`speed` shortens gaps and durations alike; `load` multiplies arrivals only.

        Without a load it is set so that the simulated agents are just enough for the busiest half-hour.
        """
        self.database = database
        self.clock = clock
        self.patterns = patterns
        self.speed = speed
        self.load = load
        self.rng = Random(seed)  # noqa: S311 - a simulation, nothing secret
        self.run = run or new_id().hex[-12:]
        self.lines: list[Line] = []
        self.calls = 0
        self._due: list[tuple[datetime, int, Deed]] = []
        self._sequence = 0
        self._planned: dict[UUID, str] = {}
        self._back: set[UUID] = set()
        self._patterns_of: dict[UUID, Pattern] = {}

    async def start(self) -> None:
        """Find the tenants' numbers, put simulated agents to work, take up what was open."""
        now = self.clock.now()
        async with self.database.transaction(_CONTEXT) as tx:
            found: dict[UUID, Line] = {}
            for row in await store.numbers(tx):
                if row.tenant_id not in found:
                    phones = await store.phones(tx, row.tenant_id, _KNOWN_MAX)
                    pattern = self.patterns.of(row.slug)
                    found[row.tenant_id] = Line(row.tenant_id, ZoneInfo(row.time_zone), [], phones, pattern)
                found[row.tenant_id].numbers.append(row.address)
            for tenant_id, line in found.items():
                for contact_id, state in await contacts.open_contacts(tx, tenant_id, NAME):
                    self._adopt(line, contact_id, state, now)
        self.lines = list(found.values())
        self._patterns_of = {line.tenant_id: line.pattern for line in self.lines}
        crew = await self._put_agents_to_work(now)
        if self.load is None:
            self.load = load_for([line.pattern for line in self.lines], crew)
        for line in self.lines:
            self._plan_arrival(line, now)

    async def step(self) -> int:
        """Do everything that is due by now; returns how many things were done."""
        await self._look_at_slots()
        now, done = self.clock.now(), 0
        while self._due and self._due[0][0] <= now:
            at, _, deed = heapq.heappop(self._due)
            try:
                await deed(at)
            except CrewlineError as moved_on:
                _log.debug("simulation_overtaken", code=moved_on.code)
            done += 1
        return done

    def next_at(self) -> datetime | None:
        return self._due[0][0] if self._due else None

    def _plan(self, at: datetime, deed: Deed) -> None:
        self._sequence += 1
        heapq.heappush(self._due, (at, self._sequence, deed))

    def _later(self, at: datetime, ms: float) -> datetime:
        return at + timedelta(milliseconds=ms / self.speed)

    # customers

    def _plan_arrival(self, line: Line, after: datetime) -> None:
        at = next_arrival(line.pattern, after, line.zone, self.speed * (self.load or 1.0), self.rng)
        if at is not None:
            self._plan(at, partial(self._arrive, line))

    async def _arrive(self, line: Line, at: datetime) -> None:
        self._plan_arrival(line, at)
        self.calls += 1
        rng, pattern = self.rng, line.pattern
        known = bool(line.phones) and rng.random() < pattern.known_share
        news = CallArrived(
            engine=NAME,
            external_id=f"{self.run}-{self.calls}",
            address=rng.choice(line.numbers),
            from_address=rng.choice(line.phones) if known else f"+8610555{rng.randint(0, 99999):05d}",
            priority=pattern.high_priority if rng.random() < pattern.high_priority_share else 0,
            at=at,
        )
        async with self.database.transaction(_CONTEXT) as tx:
            tenant_id, contact_id = await service.receive(tx, news)
        out_of_menu = self._later(at, pattern.menu.draw_ms(rng))
        if rng.random() < pattern.menu_ended_share:
            self._plan(out_of_menu, partial(self._gone, tenant_id, contact_id))
            return
        self._plan(out_of_menu, partial(self._menu_left, tenant_id, contact_id))
        self._plan_leaving(line, contact_id, out_of_menu)

    def _plan_leaving(self, line: Line, contact_id: UUID, waiting_from: datetime) -> None:
        at = self._later(waiting_from, line.pattern.patience.draw_ms(self.rng))
        self._plan(at, partial(self._give_up, line.tenant_id, contact_id))

    async def _give_up(self, tenant_id: UUID, contact_id: UUID, at: datetime) -> None:
        """Patience ends only for those who still wait."""
        async with self.database.transaction(_CONTEXT) as tx:
            await contacts.give_up(tx, tenant_id, contact_id, at)

    async def _menu_left(self, tenant_id: UUID, contact_id: UUID, at: datetime) -> None:
        async with self.database.transaction(_CONTEXT) as tx:
            await service.receive(tx, MenuLeft(tenant_id=tenant_id, contact_id=contact_id, at=at))

    async def _gone(self, tenant_id: UUID, contact_id: UUID, at: datetime) -> None:
        async with self.database.transaction(_CONTEXT) as tx:
            await service.receive(tx, CallerGone(tenant_id=tenant_id, contact_id=contact_id, at=at))

    def _adopt(self, line: Line, contact_id: UUID, state: str, now: datetime) -> None:
        """A contact that was open when the last run ended; those in an agent's hands show as slots."""
        if state == "menu":
            self._plan(now, partial(self._menu_left, line.tenant_id, contact_id))
        if state in ("menu", "queued", "offered"):
            self._plan_leaving(line, contact_id, now)

    # agents

    async def _put_agents_to_work(self, now: datetime) -> int:
        """How many there are."""
        async with self.database.transaction(_CONTEXT) as tx:
            crew = await agent_pool.simulated_agents(tx)
            for agent_id, reason in crew.items():
                if reason == "offline":
                    await agents.set_presence(tx, agent_id, "available", None, now)
                    await agents.hint(tx, agent_id)
        return len(crew)

    async def _look_at_slots(self) -> None:
        """Plan for legs that are new here, or moved without us (answered by a human, ended by the customer)."""
        async with self.database.transaction(_CONTEXT) as tx:
            slots = await agent_pool.slots_in_use(tx)
            idle = await agent_pool.simulated_agents(tx)
        alive = {slot.leg_id for slot, _ in slots}
        self._planned = {leg: state for leg, state in self._planned.items() if leg in alive}
        for slot, simulated in slots:
            state = "talking" if slot.state == "held" else slot.state
            if self._planned.get(slot.leg_id) != state:
                self._planned[slot.leg_id] = state
                self._plan_slot(slot, simulated)
        for agent_id, reason in idle.items():
            if reason in SYSTEM_REASONS and agent_id not in self._back:
                self._back.add(agent_id)
                self._plan(self._later(self.clock.now(), BACK_AFTER_MS), partial(self._come_back, agent_id))

    def _plan_slot(self, slot: SlotView, simulated: bool) -> None:
        rng, since = self.rng, slot.since
        pattern = self._patterns_of.get(slot.tenant_id, self.patterns.default)
        if slot.state == "ringing" and simulated:
            if rng.random() >= self.patterns.no_answer_share:
                at = self._later(since, self.patterns.ring.draw_ms(rng))
                self._plan(at, partial(self._by_agent, slot, legs.answer))
        elif slot.state in ("talking", "held"):
            self._plan_talk(slot, pattern, simulated)
        elif slot.state == "wrapping" and simulated:
            at = self._later(since, min(50_000, pattern.wrap_up.draw_ms(rng)))
            self._plan(at, partial(self._finish, slot))

    def _plan_talk(self, slot: SlotView, pattern: Pattern, simulated: bool) -> None:
        talk_ms = pattern.talk.draw_ms(self.rng)
        gone = partial(self._gone, slot.tenant_id, slot.contact_id)
        if not simulated:
            self._plan(slot.since + timedelta(milliseconds=max(talk_ms, HUMAN_TALK_MIN_MS) * 2), gone)
            return
        end = self._later(slot.since, talk_ms)
        if self.rng.random() < pattern.hold_share:
            hold_from = self._later(slot.since, talk_ms * 0.4)
            hold_to = hold_from + (self._later(slot.since, pattern.hold.draw_ms(self.rng)) - slot.since)
            end += hold_to - hold_from
            self._plan(hold_from, partial(self._by_agent, slot, legs.hold))
            self._plan(hold_to, partial(self._by_agent, slot, legs.resume))
        customer_first = self.rng.random() < CUSTOMER_FIRST_SHARE
        self._plan(end, gone if customer_first else partial(self._by_agent, slot, legs.release))

    async def _by_agent(self, slot: SlotView, deed: Callable[..., Awaitable[object]], at: datetime) -> None:
        async with self.database.transaction(_CONTEXT) as tx:
            await deed(tx, slot.tenant_id, slot.leg_id, slot.agent_id, at)

    async def _finish(self, slot: SlotView, at: datetime) -> None:
        await close_contact(self.database, slot, self.rng, at)

    async def _come_back(self, agent_id: UUID, at: datetime) -> None:
        self._back.discard(agent_id)
        async with self.database.transaction(_CONTEXT) as tx:
            await agents.set_presence(tx, agent_id, "available", None, at)
            await agents.hint(tx, agent_id)
