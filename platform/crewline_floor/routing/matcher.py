"""A pool's waiting contacts and free agents in memory, and the decisions they lead to.

No I/O and no clock: the dispatcher feeds it from rows and makes its decisions durable. After a
batch that could not be committed the matcher is thrown away and built again from rows.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from crewline_floor.routing import rules
from crewline_floor.routing.lanes import Lanes
from crewline_floor.routing.reasons import LaneView, Reason, TenantView
from crewline_floor.routing.rules import (
    Agent,
    Candidate,
    Need,
    PoolPolicy,
    Queue,
    Standing,
    Waiting,
)


@dataclass(frozen=True, slots=True)
class Decision:
    """This agent gets that contact, for this reason."""

    contact: Waiting
    agent_id: UUID
    reason: Reason


class Matcher:
    def __init__(self, policy: PoolPolicy, queues: Iterable[Queue], agents: Iterable[Agent]) -> None:
        self.policy = policy
        self.queues = {queue.id: queue for queue in queues}
        self.agents = {agent.id: agent for agent in agents}
        self.lanes = Lanes()
        self.seats: Counter[UUID] = Counter()
        """Seats in use, by tenant."""
        self.idle: dict[UUID, int] = {}
        """Free agents and the instant since when."""
        self._flexibility = {agent.id: rules.flexibility(agent, self.queues.values()) for agent in self.agents.values()}
        self._qualified: dict[tuple[UUID, tuple[Need, ...]], frozenset[UUID]] = {}

    def add(self, item: Waiting) -> None:
        if item.queue_id in self.queues and item.tenant_id in self.policy.shares:
            self.lanes.add(item)

    def remove(self, contact_id: UUID) -> None:
        self.lanes.remove(contact_id)

    def free(self, agent_id: UUID, since_ms: int) -> None:
        """The agent can take a contact; his idle time counts from `since_ms`."""
        if agent_id in self.agents:
            self.idle[agent_id] = since_ms

    def busy(self, agent_id: UUID) -> None:
        self.idle.pop(agent_id, None)

    def reset(self, waiting: Iterable[Waiting], free: Mapping[UUID, int], seats: Mapping[UUID, int]) -> None:
        """Take the floor as it stands in the rows; policy and skills stay."""
        self.lanes = Lanes()
        for item in waiting:
            self.add(item)
        self.idle = {agent: since for agent, since in free.items() if agent in self.agents}
        self.count_seats(seats)

    def count_seats(self, seats: Mapping[UUID, int]) -> None:
        self.seats = Counter(seats)

    def decide(self, now_ms: int, limit: int = 1000) -> list[Decision]:
        """Every match that can be made now, in order; contacts and agents matched leave memory."""
        made: list[Decision] = []
        while self.idle and len(self.lanes) and len(made) < limit:
            decision = self._decide_one(now_ms)
            if decision is None:
                break
            made.append(decision)
            self.lanes.remove(decision.contact.contact_id)
            self.busy(decision.agent_id)
            self.seats[decision.contact.tenant_id] += 1
        return made

    def _decide_one(self, now_ms: int) -> Decision | None:
        heads = self.lanes.heads()
        standings = self._standings(heads, now_ms)
        able = self._able(heads, standings, now_ms)
        if not able:
            return None
        tenant, tenant_rule = rules.choose_tenant([standings[t] for t in able], self.policy)
        lanes = able[tenant.tenant_id]
        contact, lane_rule = rules.choose_lane(lanes, self.queues, now_ms)
        candidates = self._candidates(contact, now_ms)
        agent, agent_rule = rules.choose_agent(candidates)
        older, more = self.lanes.older_than(contact)
        reason = Reason(
            at_ms=now_ms,
            tenant_id=contact.tenant_id,
            rule=tenant_rule,
            tenants=tuple(_tenant_view(s) for s in standings.values() if s.waiting or s.seats),
            able=tuple(able),
            lane_rule=lane_rule,
            lanes=tuple(self._lane_view(head, now_ms) for head in lanes),
            queue_id=contact.queue_id,
            priority=contact.priority,
            wait_ms=max(0, now_ms - contact.queued_ms),
            older_own=older.pop(contact.tenant_id, 0),
            older_others=sum(older.values()),
            older_more_own=contact.tenant_id in more,
            older_more=bool(more),
            agent_id=agent.agent_id,
            agent_rule=agent_rule,
            agents=len(candidates),
            idle_ms=max(0, now_ms - agent.idle_since_ms),
        )
        return Decision(contact, agent.agent_id, reason)

    def _standings(self, heads: list[Waiting], now_ms: int) -> dict[UUID, Standing]:
        excess = rules.excess(self.lanes.waiting, self.policy.shares)
        oldest = dict.fromkeys(self.policy.shares, 0)
        risk = dict.fromkeys(self.policy.shares, 0.0)
        for head in heads:
            age = now_ms - head.queued_ms
            oldest[head.tenant_id] = max(oldest[head.tenant_id], age)
            of_target = age / max(1, self.queues[head.queue_id].target_ms)
            risk[head.tenant_id] = max(risk[head.tenant_id], of_target)
        return {
            tenant: Standing(
                tenant_id=tenant,
                waiting=self.lanes.waiting.get(tenant, 0),
                seats=self.seats[tenant],
                floor=share.floor,
                cap=share.cap,
                share=share.share,
                excess=excess[tenant],
                risk=risk[tenant],
                oldest_ms=oldest[tenant],
            )
            for tenant, share in self.policy.shares.items()
        }

    def _able(self, heads: list[Waiting], standings: Mapping[UUID, Standing], now_ms: int) -> dict[UUID, list[Waiting]]:
        """Heads that some free agent may take now, by tenant below its cap."""
        able: dict[UUID, list[Waiting]] = {}
        for head in heads:
            if rules.may_take_seat(standings[head.tenant_id]) and self._anyone(head, now_ms):
                able.setdefault(head.tenant_id, []).append(head)
        return able

    def _anyone(self, head: Waiting, now_ms: int) -> bool:
        return not self.idle.keys().isdisjoint(self._qualified_for(head, now_ms)[1])

    def _candidates(self, contact: Waiting, now_ms: int) -> list[Candidate]:
        needs, ids = self._qualified_for(contact, now_ms)
        few, many = (self.idle, ids) if len(self.idle) < len(ids) else (ids, self.idle)
        return [
            Candidate(
                agent_id=agent_id,
                flexibility=self._flexibility[agent_id],
                fit=rules.fit(self.agents[agent_id], needs),
                idle_since_ms=self.idle[agent_id],
            )
            for agent_id in few
            if agent_id in many
        ]

    def _qualified_for(self, contact: Waiting, now_ms: int) -> tuple[tuple[Need, ...], frozenset[UUID]]:
        queue = self.queues[contact.queue_id]
        needs = rules.needs_at(queue, now_ms - contact.queued_ms)
        key = (queue.id, needs)
        if key not in self._qualified:
            self._qualified[key] = frozenset(
                agent.id for agent in self.agents.values() if rules.qualified(agent, queue, needs)
            )
        return needs, self._qualified[key]

    def _lane_view(self, head: Waiting, now_ms: int) -> LaneView:
        age = now_ms - head.queued_ms
        aged = rules.aged_priority(head.priority, age, self.queues[head.queue_id])
        return LaneView(queue_id=head.queue_id, priority=head.priority, aged=round(aged, 2), wait_ms=max(0, age))


def _tenant_view(standing: Standing) -> TenantView:
    return TenantView(
        tenant_id=standing.tenant_id,
        waiting=standing.waiting,
        seats=standing.seats,
        floor=standing.floor,
        cap=standing.cap,
        share=round(standing.share, 6),
        excess=round(standing.excess, 3),
        risk=round(standing.risk, 3),
    )
