"""The five steps of a routing decision as pure functions (design, section 5).

1. eligibility   `qualified`: certification, skills at level (relaxed by timed steps); cap
2. floors        tenants below their guaranteed seats first
3. share         the tenant that most exceeds its share of the waiting work (fixed queue ratio);
                 near-ties by breach risk. A contact older than the pool's bound goes before the
                 ratio: among such tenants the one with the fewest seats for its share, so that one
                 tenant's flood cannot starve the others
4. lane          priority that rises with age up to a ceiling, then the oldest
5. agent         least flexible, best fit, longest idle

Ages and instants are integer milliseconds; shares are positive weights.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

PRIORITY_CEILING = 10.0

TenantRule = Literal["floor", "only", "overdue", "share", "risk"]
LaneRule = Literal["only", "priority", "aged", "oldest"]
AgentRule = Literal["only", "least_flexible", "fit", "longest_idle"]


@dataclass(frozen=True, slots=True)
class Need:
    """A skill at a level (1..5) or better."""

    skill: UUID
    level: int = 1


@dataclass(frozen=True, slots=True)
class Relaxation:
    """From this age on, these needs hold instead."""

    after_ms: int
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """A line of work. `ageing_ms`: the age worth one step of priority; `target_ms`: the SLA's T."""

    id: UUID
    tenant_id: UUID
    needs: tuple[Need, ...] = ()
    relax: tuple[Relaxation, ...] = ()
    target_ms: int = 20_000
    ageing_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Agent:
    id: UUID
    certified: frozenset[UUID] = frozenset()
    skills: Mapping[UUID, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Share:
    """What a tenant holds of a pool: weight, guaranteed seats, most seats."""

    tenant_id: UUID
    share: float
    floor: int = 0
    cap: int | None = None


@dataclass(frozen=True, slots=True)
class PoolPolicy:
    """`tie_band`: contacts of excess that count as equal; `wait_bound_ms`: age that beats it."""

    shares: Mapping[UUID, Share]
    tie_band: float = 0.5
    wait_bound_ms: int = 300_000


@dataclass(frozen=True, slots=True)
class Waiting:
    contact_id: UUID
    tenant_id: UUID
    queue_id: UUID
    priority: int
    queued_ms: int


@dataclass(frozen=True, slots=True)
class Standing:
    """One tenant at a decision. `risk`: age over target of its contact closest to breach."""

    tenant_id: UUID
    waiting: int
    seats: int
    floor: int
    cap: int | None
    share: float
    excess: float
    risk: float
    oldest_ms: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A free, qualified agent. `flexibility`: queues served; `fit`: sum of the needed levels."""

    agent_id: UUID
    flexibility: int
    fit: int
    idle_since_ms: int


def qualified(agent: Agent, queue: Queue, needs: tuple[Need, ...]) -> bool:
    return queue.tenant_id in agent.certified and all(agent.skills.get(need.skill, 0) >= need.level for need in needs)


def needs_at(queue: Queue, age_ms: int) -> tuple[Need, ...]:
    """The needs that hold at this age: those of the last step reached."""
    needs = queue.needs
    for step in queue.relax:
        if age_ms >= step.after_ms:
            needs = step.needs
    return needs


def fit(agent: Agent, needs: tuple[Need, ...]) -> int:
    return sum(agent.skills.get(need.skill, 0) for need in needs)


def flexibility(agent: Agent, queues: Iterable[Queue]) -> int:
    return sum(qualified(agent, queue, queue.needs) for queue in queues)


def excess(waiting: Mapping[UUID, int], shares: Mapping[UUID, Share]) -> dict[UUID, float]:
    """Waiting contacts above (+) or below (-) the tenant's share of all waiting; sums to zero."""
    total = sum(waiting.values())
    weight = sum(share.share for share in shares.values()) or 1.0
    return {tenant: waiting.get(tenant, 0) - share.share / weight * total for tenant, share in shares.items()}


def may_take_seat(standing: Standing) -> bool:
    return standing.cap is None or standing.seats < standing.cap


def choose_tenant(able: Sequence[Standing], policy: PoolPolicy) -> tuple[Standing, TenantRule]:
    """(tenant, rule that won) among tenants that a free agent could serve; `able` is not empty."""
    below = [s for s in able if s.seats < s.floor]
    if below:
        return max(below, key=lambda s: (s.floor - s.seats, s.excess, s.risk, s.oldest_ms)), "floor"
    if len(able) == 1:
        return able[0], "only"
    overdue = [s for s in able if s.oldest_ms >= policy.wait_bound_ms]
    if overdue:
        return min(overdue, key=lambda s: (s.seats / s.share, -s.oldest_ms)), "overdue"
    highest = max(s.excess for s in able)
    near = [s for s in able if highest - s.excess <= policy.tie_band]
    if len(near) == 1:
        return near[0], "share"
    return max(near, key=lambda s: (s.risk, s.oldest_ms)), "risk"


def aged_priority(priority: int, age_ms: int, queue: Queue) -> float:
    """Priority plus a step per `ageing_ms` of age, at most the ceiling: there the oldest wins."""
    return min(priority + age_ms / queue.ageing_ms, max(PRIORITY_CEILING, float(priority)))


def choose_lane(heads: Sequence[Waiting], queues: Mapping[UUID, Queue], now_ms: int) -> tuple[Waiting, LaneRule]:
    """(head, rule) among the heads of one tenant's lanes; a lane's head is the best of its lane."""
    scored = [(aged_priority(h.priority, now_ms - h.queued_ms, queues[h.queue_id]), h) for h in heads]
    score, best = max(scored, key=lambda pair: (pair[0], -pair[1].queued_ms, -pair[1].contact_id.int))
    others = [(s, h) for s, h in scored if h is not best]
    if not others:
        return best, "only"
    if all(best.priority > head.priority for _, head in others):
        return best, "priority"
    return best, "aged" if all(score > other for other, _ in others) else "oldest"


def choose_agent(candidates: Sequence[Candidate]) -> tuple[Candidate, AgentRule]:
    """(agent, rule): the first measure that set him apart from the next best."""
    ranked = sorted(candidates, key=_rank)
    best = ranked[0]
    if len(ranked) == 1:
        return best, "only"
    runner_up = ranked[1]
    if best.flexibility != runner_up.flexibility:
        return best, "least_flexible"
    return best, "fit" if best.fit != runner_up.fit else "longest_idle"


def _rank(candidate: Candidate) -> tuple[int, int, int, UUID]:
    c = candidate
    return (c.flexibility, -c.fit, c.idle_since_ms, c.agent_id)
