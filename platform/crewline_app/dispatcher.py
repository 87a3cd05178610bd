"""The dispatcher process: owns pools by their leases, decides on each change, writes the boards.

Hints wake it; a full reading every few seconds makes up for lost ones. With a simulation it also
plays the customers and the simulated agents, as a task of its own.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from crewline_floor.engines.simulation import Simulation
from crewline_floor.hints import listen
from crewline_floor.pools import service as pools
from crewline_floor.routing.dispatch import CONTEXT, PoolDispatcher
from crewline_infra.clock import Clock, monotonic_ms, ms_between
from crewline_infra.db import Database
from crewline_infra.errors import NotFound
from crewline_infra.ids import new_id
from crewline_infra.log import get_logger

LEASE_EVERY_MS = 4_000
FULL_EVERY_MS = 3_000
BOARD_EVERY_MS = 1_000
POOLS_EVERY_S = 15.0
QUIET_S = 0.5
FAULT_S = 1.0
SIMULATION_S = 0.25
_PARTS_OF_CONTACT = 3
_log = get_logger("dispatcher")


class Dispatcher:
    """All pools, or the one named. `run` ends after `stop`, having handed its pools over."""

    def __init__(
        self, database: Database, clock: Clock, *, pool: str | None = None, simulation: Simulation | None = None
    ) -> None:
        self.database = database
        self.clock = clock
        self.pool = pool
        self.simulation = simulation
        self.holder = f"{socket.gethostname()}/{os.getpid()}/{new_id().hex[-8:]}"
        self._stop = asyncio.Event()
        self._owned: dict[UUID, PoolLoop] = {}

    def stop(self) -> None:
        self._stop.set()
        for loop in self._owned.values():
            loop.wake.set()

    async def run(self) -> None:
        """Raises `NotFound` when the pool named does not exist."""
        await self._find_pools()
        listening = asyncio.create_task(listen(self.database.url, self._heard))
        work = [asyncio.create_task(self._keep_finding())]
        if self.simulation is not None:
            work.append(asyncio.create_task(simulate_until(self._stop, self.simulation)))
        try:
            await asyncio.gather(*work)
            await asyncio.gather(*(loop.task for loop in self._owned.values()))
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _find_pools(self) -> None:
        async with self.database.transaction(CONTEXT) as tx:
            found = await pools.pool_ids(tx)
        wanted = {key for key, slug in found.items() if self.pool in (None, slug)}
        if self.pool is not None and not wanted:
            raise NotFound(f"There is no pool '{self.pool}'.")
        for pool_id in wanted - self._owned.keys():
            one = PoolDispatcher(self.database, self.clock, pool_id, self.holder)
            self._owned[pool_id] = PoolLoop(one, self._stop)

    async def _keep_finding(self) -> None:
        """A pool made later is served without a restart."""
        while not await _stopped_within(self._stop, POOLS_EVERY_S):
            await _guarded(self._find_pools)

    def _heard(self, hint: str) -> None:
        """'contact POOL TENANT ID' or 'agent ID'; what cannot be read is left to the next full reading."""
        kind, _, rest = hint.partition(" ")
        with suppress(ValueError):
            keys = [UUID(key) for key in rest.split()]
            if kind == "contact" and len(keys) == _PARTS_OF_CONTACT and keys[0] in self._owned:
                self._owned[keys[0]].contact(keys[1], keys[2])
            elif kind == "agent" and len(keys) == 1:
                for loop in self._owned.values():
                    loop.agent(keys[0])


class PoolLoop:
    """One pool's rounds. Whatever fails, the next round starts from rows."""

    def __init__(self, dispatcher: PoolDispatcher, stop: asyncio.Event) -> None:
        self.dispatcher = dispatcher
        self.wake = asyncio.Event()
        self._stop = stop
        self._lease_at = self._full_at = self._board_at = -1_000_000
        self.task = asyncio.create_task(self._run())

    def contact(self, tenant_id: UUID, contact_id: UUID) -> None:
        self.dispatcher.note_contact(tenant_id, contact_id)
        self.wake.set()

    def agent(self, agent_id: UUID) -> None:
        self.dispatcher.note_agent(agent_id)
        self.wake.set()

    async def _run(self) -> None:
        while not self._stop.is_set():
            if not await _guarded(self._round):
                await _stopped_within(self._stop, FAULT_S)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self.wake.wait(), self._pause_s(self.dispatcher.clock.now()))
        await _guarded(self.dispatcher.stop)

    async def _round(self) -> None:
        self.wake.clear()
        now = monotonic_ms()
        if self.dispatcher.lease is None or now - self._lease_at >= LEASE_EVERY_MS:
            self._lease_at = now
            await self.dispatcher.lead()
        full = now - self._full_at >= FULL_EVERY_MS
        await self.dispatcher.tick(full=full)
        if full:
            self._full_at = now
        if now - self._board_at >= BOARD_EVERY_MS:
            self._board_at = now
            await self.dispatcher.write_board()

    def _pause_s(self, now: datetime) -> float:
        timer = self.dispatcher.next_timer()
        until_timer_s = max(0.02, ms_between(now, timer) / 1000) if timer else QUIET_S
        return min(QUIET_S, until_timer_s)


async def simulate_until(stop: asyncio.Event, simulation: Simulation) -> None:
    """Play on, whatever a step meets."""
    while not stop.is_set() and not await _guarded(simulation.start):
        await _stopped_within(stop, FAULT_S)
    while not await _stopped_within(stop, SIMULATION_S):
        await _guarded(simulation.step)


async def _guarded(step: Callable[[], Awaitable[object]]) -> bool:
    """False when the step failed: said once in the log, and tried again by the caller."""
    try:
        await step()
    except Exception as problem:
        _log.exception("round_failed", error=type(problem).__name__)
        return False
    return True


async def _stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()
