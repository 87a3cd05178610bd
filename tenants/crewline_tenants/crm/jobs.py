"""The courier: takes what is due, calls the tenants' endpoints, stores what each attempt came to.

No transaction is open while an endpoint is called. A courier that dies leaves a lease behind; when it
ends, another one delivers under the same webhook-id, and the receiver knows it by that.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from uuid import UUID

from crewline_infra.clock import Clock, monotonic_ms
from crewline_infra.db import Database, Tx
from crewline_infra.egress import Answer, Egress, Refused, Unreachable
from crewline_infra.ids import new_id
from crewline_infra.log import get_logger
from crewline_infra.secrets import SecretBox
from crewline_infra.tenancy import Context, Role
from crewline_tenants.crm import rules, store_claims
from crewline_tenants.crm.model import Claim, DeliveryState, Outcome
from crewline_tenants.crm.service import place

LEASE_MS = 4 * rules.TIMEOUT_MS
SLOTS = 40
SLOTS_PER_TENANT = SLOTS // 10
"""However many of its deliveries hang, a tenant holds a tenth of a courier."""

log = get_logger("crm")
Spread = Callable[[], float]
Observe = Callable[[rules.Fate, int], None]


def any_spread() -> float:
    return random.uniform(-1, 1)  # noqa: S311 - jitter, not a secret


def ignore(_fate: rules.Fate, _duration_ms: int) -> None:
    """Nobody measures."""


class Courier:
    """One per worker process. `spread` gives the jitter of a wait in [-1, 1]."""

    def __init__(
        self,
        database: Database,
        egress: Egress,
        box: SecretBox,
        clock: Clock,
        *,
        spread: Spread = any_spread,
        observe: Observe = ignore,
        timeout_ms: int = rules.TIMEOUT_MS,
    ) -> None:
        self._database = database
        self._egress = egress
        self._box = box
        self._clock = clock
        self._spread = spread
        self._observe = observe
        self._timeout_ms = timeout_ms
        self._name = str(new_id())
        self._busy: Counter[UUID] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start_due(self) -> int:
        """Take what is due, as far as there is room, and start delivering it; returns how many."""
        started = 0
        for tenant_id in await self._tenants():
            room = min(SLOTS_PER_TENANT - self._busy[tenant_id], SLOTS - self._busy.total())
            if room > 0:
                claims = await self._claim(tenant_id, room)
                started += len(claims)
                for claim in claims:
                    self._start(claim)
        return started

    async def finish(self, timeout_ms: int | None = None) -> None:
        """Wait for what is under way; give back what is not done in time."""
        if not self._tasks:
            return
        _done, late = await asyncio.wait(self._tasks, timeout=None if timeout_ms is None else timeout_ms / 1000)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    @property
    def in_flight(self) -> int:
        return self._busy.total()

    def _start(self, claim: Claim) -> None:
        self._busy[claim.tenant_id] += 1
        task = asyncio.create_task(self._deliver(claim))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tenants(self) -> list[UUID]:
        async with self._database.transaction(Context(Role.DISPATCH, request_id="crm")) as tx:
            return await store_claims.tenants_with_due(tx)

    async def _claim(self, tenant_id: UUID, limit: int) -> list[Claim]:
        lease = f"{self._name}:{new_id()}"
        async with self._database.transaction(_context(tenant_id)) as tx:
            return await store_claims.claim(tx, tenant_id, lease, LEASE_MS, limit)

    async def _deliver(self, claim: Claim) -> None:
        began_ms = monotonic_ms()
        try:
            answer, error = await self._call(claim)
            await self._settle(claim, answer, error, monotonic_ms() - began_ms)
        except asyncio.CancelledError:
            await asyncio.shield(self._release(claim))
            raise
        except Exception as problem:
            # The lease ends by itself and the delivery is tried again: nothing is lost by going on.
            log.exception("crm_attempt_not_stored", delivery_id=str(claim.id), error=type(problem).__name__)
        finally:
            self._busy[claim.tenant_id] -= 1

    async def _call(self, claim: Claim) -> tuple[Answer | None, str | None]:
        body = rules.encoded(claim.payload)
        seal = place(claim.tenant_id, claim.endpoint_id)
        keys = [rules.decode_secret(self._box.open(sealed, seal).decode()) for sealed in claim.secrets]
        headers = rules.headers(keys, str(claim.id), self._clock.now(), body)
        try:
            answer = await self._egress.post(claim.url, body=body, headers=headers, timeout_ms=self._timeout_ms)
        except Unreachable as problem:
            return None, problem.reason
        except Refused:
            return None, "address_refused"
        return answer, None

    async def _settle(self, claim: Claim, answer: Answer | None, error: str | None, duration_ms: int) -> None:
        judgement = rules.judge(
            status=answer.status if answer else None,
            retry_after=answer.retry_after if answer else None,
            attempts=claim.attempts + 1,
            spread=self._spread(),
            now=self._clock.now(),
        )
        outcome = Outcome(
            state=_STATES[judgement.fate],
            wait_ms=judgement.wait_ms,
            status=answer.status if answer else None,
            error=error,
            duration_ms=duration_ms,
        )
        async with self._database.transaction(_context(claim.tenant_id)) as tx:
            if await store_claims.settle(tx, claim, outcome):
                await _CONSEQUENCES[judgement.fate](tx, claim, outcome)
        self._observe(judgement.fate, duration_ms)

    async def _release(self, claim: Claim) -> None:
        async with self._database.transaction(_context(claim.tenant_id)) as tx:
            await store_claims.release(tx, claim)


def _context(tenant_id: UUID) -> Context:
    return Context(Role.WORKER, tenant_id, request_id="crm")


async def _well(tx: Tx, claim: Claim, _outcome: Outcome) -> None:
    await store_claims.set_well(tx, claim.tenant_id, claim.endpoint_id)


async def _failed(tx: Tx, claim: Claim, outcome: Outcome) -> None:
    if not rules.is_endpoint_failure(outcome.status):
        return
    found = await store_claims.lock_circuit(tx, claim.tenant_id, claim.endpoint_id)
    if found is None:
        return
    circuit, now = found
    circuit = rules.after_failure(circuit, now)
    await store_claims.set_circuit(tx, claim.tenant_id, claim.endpoint_id, circuit)
    if rules.given_up(circuit, now):
        await store_claims.disable(tx, claim.tenant_id, claim.endpoint_id, "no_acknowledgement")


async def _gone(tx: Tx, claim: Claim, _outcome: Outcome) -> None:
    await store_claims.disable(tx, claim.tenant_id, claim.endpoint_id, "gone")


Consequence = Callable[[Tx, Claim, Outcome], Awaitable[None]]
_CONSEQUENCES: dict[rules.Fate, Consequence] = {
    rules.Fate.DELIVERED: _well,
    rules.Fate.RETRY: _failed,
    rules.Fate.DEAD: _failed,
    rules.Fate.GONE: _gone,
}
_STATES: dict[rules.Fate, DeliveryState] = {
    rules.Fate.DELIVERED: "delivered",
    rules.Fate.RETRY: "pending",
    rules.Fate.DEAD: "dead",
    rules.Fate.GONE: "pending",
}
