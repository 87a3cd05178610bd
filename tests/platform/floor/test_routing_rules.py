"""The decision: the field's fixture, properties over random floors, a brute-force oracle."""

from collections import Counter
from dataclasses import replace
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crewline_floor.routing import rules
from crewline_floor.routing.matcher import Decision, Matcher
from crewline_floor.routing.reasons import TenantView, explain, own_side
from crewline_floor.routing.rules import Agent, Need, PoolPolicy, Queue, Relaxation, Share, Waiting

TENANTS = [UUID(int=i) for i in range(1, 4)]
SKILLS = [UUID(int=100 + i) for i in range(3)]
NOW = 1_000_000_000


def contact(queue: Queue, queued_ms: int, priority: int = 0, n: int | None = None) -> Waiting:
    key = uuid4() if n is None else UUID(int=10_000 + n)
    return Waiting(key, queue.tenant_id, queue.id, priority, queued_ms)


def pool(
    shares: dict[UUID, float],
    *,
    floors: dict[UUID, int] | None = None,
    caps: dict[UUID, int] | None = None,
    wait_bound_ms: int = 10**12,
) -> PoolPolicy:
    return PoolPolicy(
        {t: Share(t, s, (floors or {}).get(t, 0), (caps or {}).get(t)) for t, s in shares.items()},
        wait_bound_ms=wait_bound_ms,
    )


def queues_of(tenants: list[UUID]) -> list[Queue]:
    return [Queue(UUID(int=1000 + i), tenant) for i, tenant in enumerate(tenants)]


def general(n: int, tenants: list[UUID]) -> list[Agent]:
    return [Agent(UUID(int=5000 + i), frozenset(tenants)) for i in range(n)]


def filled(policy: PoolPolicy, waiting: list[int], agents: int = 1) -> Matcher:
    queues = queues_of(TENANTS)
    matcher = Matcher(policy, queues, general(agents, TENANTS))
    for queue, count in zip(queues, waiting, strict=True):
        for i in range(count):
            matcher.add(contact(queue, NOW - 1000 - i))
    for agent in matcher.agents:
        matcher.free(agent, NOW)
    return matcher


SHARES = dict(zip(TENANTS, (0.5, 0.3, 0.2), strict=True))


def test_the_tenant_furthest_above_its_share_of_the_waiting_work_is_served() -> None:
    excess = rules.excess(dict(zip(TENANTS, (10, 12, 3), strict=True)), pool(SHARES).shares)
    assert [round(excess[t], 6) for t in TENANTS] == [-2.5, 4.5, -2.0]
    (decision,) = filled(pool(SHARES), [10, 12, 3]).decide(NOW)
    assert decision.contact.tenant_id == TENANTS[1]
    assert decision.reason.rule == "share"


def test_a_tenant_below_its_floor_goes_first_and_unused_floor_is_lent() -> None:
    policy = pool(SHARES, floors={TENANTS[2]: 1})
    first, second = filled(policy, [10, 12, 3], agents=2).decide(NOW)
    assert (first.contact.tenant_id, first.reason.rule) == (TENANTS[2], "floor")
    assert (second.contact.tenant_id, second.reason.rule) == (TENANTS[1], "share")
    lent = filled(pool(SHARES, floors={TENANTS[2]: 5}), [10, 0, 0], agents=3).decide(NOW)
    assert {d.contact.tenant_id for d in lent} == {TENANTS[0]}
    assert len(lent) == 3


def test_a_cap_is_never_passed() -> None:
    decisions = filled(pool(SHARES, caps={TENANTS[1]: 2}), [0, 12, 0], agents=5).decide(NOW)
    assert len(decisions) == 2


def test_near_ties_go_to_the_tenant_closest_to_its_target() -> None:
    tight, loose, idle = queues_of(TENANTS)
    queues = [replace(tight, target_ms=10_000), replace(loose, target_ms=60_000), idle]
    equal = pool(dict.fromkeys(TENANTS, 1.0))
    matcher = Matcher(equal, queues, general(1, TENANTS))
    matcher.add(contact(tight, NOW - 8_000))
    matcher.add(contact(loose, NOW - 12_000))
    matcher.free(UUID(int=5000), NOW)
    (decision,) = matcher.decide(NOW)
    assert (decision.contact.tenant_id, decision.reason.rule) == (TENANTS[0], "risk")


def test_inside_a_tenant_priority_rises_with_age_up_to_the_ceiling() -> None:
    queue = Queue(UUID(int=1), TENANTS[0], ageing_ms=60_000)
    old, urgent = contact(queue, NOW - 180_000), contact(queue, NOW - 1_000, priority=2)
    assert rules.choose_lane([old, urgent], {queue.id: queue}, NOW) == (old, "aged")
    young = contact(queue, NOW - 60_000)
    assert rules.choose_lane([young, urgent], {queue.id: queue}, NOW) == (urgent, "priority")
    ancient = contact(queue, NOW - 3_600_000)
    flood = contact(queue, NOW - 1_200_000, priority=9)
    assert rules.choose_lane([flood, ancient], {queue.id: queue}, NOW) == (ancient, "oldest")


def test_the_least_flexible_qualified_agent_then_fit_then_idle() -> None:
    a, b, _ = queues_of(TENANTS)
    needing = replace(a, needs=(Need(SKILLS[0], 2),))
    only_a = Agent(UUID(int=1), frozenset({TENANTS[0]}), {SKILLS[0]: 2})
    both = Agent(UUID(int=2), frozenset(TENANTS[:2]), {SKILLS[0]: 5})
    expert = Agent(UUID(int=3), frozenset({TENANTS[0]}), {SKILLS[0]: 4})
    novice = Agent(UUID(int=4), frozenset({TENANTS[0]}), {SKILLS[0]: 1})

    def chosen(*agents: Agent) -> tuple[UUID, str]:
        matcher = Matcher(pool(SHARES), [needing, b], agents)
        for n, agent in enumerate(agents):
            matcher.free(agent.id, NOW - 1000 + n)
        matcher.add(contact(needing, NOW))
        (decision,) = matcher.decide(NOW)
        return decision.agent_id, decision.reason.agent_rule

    assert chosen(both, only_a) == (only_a.id, "least_flexible")
    assert chosen(only_a, expert) == (expert.id, "fit")
    assert chosen(replace(only_a, id=UUID(int=9)), only_a) == (UUID(int=9), "longest_idle")
    assert chosen(novice, both) == (both.id, "only")


def test_needs_relax_in_timed_steps() -> None:
    queue = replace(queues_of(TENANTS)[0], needs=(Need(SKILLS[0], 4),), relax=(Relaxation(30_000, ()),))
    matcher = Matcher(pool(SHARES), [queue], [Agent(UUID(int=1), frozenset({TENANTS[0]}))])
    matcher.free(UUID(int=1), NOW)
    matcher.add(contact(queue, NOW))
    assert matcher.decide(NOW + 29_999) == []
    assert len(matcher.decide(NOW + 30_000)) == 1


def test_a_flood_does_not_starve_the_others_once_the_bound_is_reached() -> None:
    """Two hours of a tenant arriving at four times the capacity: the other's waits stay bounded."""
    queues = queues_of(TENANTS[:2])
    policy = pool(dict(zip(TENANTS[:2], (0.5, 0.5), strict=True)), wait_bound_ms=60_000)
    matcher = Matcher(policy, queues, general(4, TENANTS[:2]))
    for agent in matcher.agents:
        matcher.free(agent, 0)
    busy: list[tuple[int, UUID, UUID]] = []
    waits: list[int] = []
    for now in range(0, 7_200_000, 1_000):
        for release in [b for b in busy if b[0] <= now]:
            busy.remove(release)
            matcher.seats[release[2]] -= 1
            matcher.free(release[1], now)
        if now % 8_000 == 0:
            matcher.add(contact(queues[0], now))
        if now % 60_000 == 0:
            matcher.add(contact(queues[1], now))
        for decision in matcher.decide(now):
            tenant = decision.contact.tenant_id
            busy.append((now + 120_000, decision.agent_id, tenant))
            if tenant == TENANTS[1]:
                waits.append(now - decision.contact.queued_ms)
    assert len(waits) >= 110
    assert max(waits) <= 60_000 + 120_000


@st.composite
def floors(draw: st.DrawFn) -> tuple[Matcher, list[Waiting]]:
    tenants = TENANTS[: draw(st.integers(1, 3))]
    needs = st.lists(st.builds(Need, st.sampled_from(SKILLS), st.integers(1, 5)), max_size=2).map(tuple)
    queues = [
        Queue(UUID(int=1000 + i), draw(st.sampled_from(tenants)), draw(needs)) for i in range(draw(st.integers(1, 4)))
    ]
    agents = [
        Agent(
            UUID(int=5000 + i),
            frozenset(draw(st.sets(st.sampled_from(tenants)))),
            draw(st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5))),
        )
        for i in range(draw(st.integers(0, 5)))
    ]
    policy = PoolPolicy(
        {
            t: Share(
                t,
                draw(st.floats(0.1, 5)),
                draw(st.integers(0, 2)),
                draw(st.none() | st.integers(2, 4)),
            )
            for t in tenants
        },
        wait_bound_ms=draw(st.sampled_from([1_000, 10_000, 10**9])),
    )
    matcher = Matcher(policy, queues, agents)
    items = [
        contact(
            draw(st.sampled_from(queues)),
            NOW - draw(st.integers(0, 20_000)),
            draw(st.integers(0, 3)),
            n,
        )
        for n in range(draw(st.integers(0, 12)))
    ]
    for item in items:
        matcher.add(item)
    for agent in agents:
        if draw(st.booleans()):
            matcher.free(agent.id, NOW - draw(st.integers(0, 5000)))
    for tenant in tenants:
        matcher.seats[tenant] = draw(st.integers(0, 3))
    return matcher, items


def eligible(matcher: Matcher, item: Waiting, agent_id: UUID) -> bool:
    queue, agent = matcher.queues[item.queue_id], matcher.agents[agent_id]
    return queue.tenant_id in agent.certified and all(agent.skills.get(n.skill, 0) >= n.level for n in queue.needs)


@settings(max_examples=300, deadline=None)
@given(floors())
def test_any_floor(world: tuple[Matcher, list[Waiting]]) -> None:
    """Never ineligible, nobody twice, caps and floors honoured, no idle agent beside eligible work."""
    matcher, items = world
    idle, seats = set(matcher.idle), Counter(matcher.seats)
    left = {item.contact_id: item for item in items}
    decisions = matcher.decide(NOW)
    for decision in decisions:
        shares = matcher.policy.shares
        able = {
            item.tenant_id
            for item in left.values()
            if (cap := shares[item.tenant_id].cap) is None or seats[item.tenant_id] < cap
            if any(eligible(matcher, item, agent) for agent in idle)
        }
        tenant = decision.contact.tenant_id
        assert tenant in able
        assert eligible(matcher, decision.contact, decision.agent_id)
        below = {t for t in able if seats[t] < shares[t].floor}
        assert not below or tenant in below
        assert decision.contact is oracle_contact(matcher, list(left.values()), idle, tenant)
        idle.remove(decision.agent_id)
        del left[decision.contact.contact_id]
        seats[tenant] += 1
    for item in left.values():
        cap = matcher.policy.shares[item.tenant_id].cap
        full = cap is not None and seats[item.tenant_id] >= cap
        assert full or not any(eligible(matcher, item, agent) for agent in idle)


def oracle_contact(matcher: Matcher, items: list[Waiting], idle: set[UUID], tenant: UUID) -> Waiting:
    """By scanning everything: highest aged priority, then the oldest, then the lowest key."""

    def key(item: Waiting) -> tuple[float, int, int]:
        aged = min(item.priority + (NOW - item.queued_ms) / 60_000, 10.0)
        return (-aged, item.queued_ms, item.contact_id.int)

    servable = [i for i in items if i.tenant_id == tenant and any(eligible(matcher, i, a) for a in idle)]
    return min(servable, key=key)


@settings(max_examples=100, deadline=None)
@given(floors(), st.data())
def test_a_tenant_reads_nothing_that_depends_on_another(
    world: tuple[Matcher, list[Waiting]], data: st.DataObject
) -> None:
    matcher, _ = world
    for decision in matcher.decide(NOW)[:3]:
        reason = decision.reason
        told = explain(reason, "tenant")
        others = tuple(
            msgspec.structs.replace(
                view,
                waiting=data.draw(st.integers(0, 500)),
                seats=data.draw(st.integers(0, 99)),
                excess=data.draw(st.floats(-9, 9)),
            )
            if view.tenant_id != reason.tenant_id
            else view
            for view in reason.tenants
        )
        changed = msgspec.structs.replace(
            reason,
            tenants=(*others, _stranger()),
            rule=data.draw(st.sampled_from(["floor", "only", "share", "risk", "overdue"])),
            older_others=data.draw(st.integers(0, 90)),
            agents=data.draw(st.integers(1, 90)),
        )
        assert explain(changed, "tenant") == told == explain(own_side(changed), "tenant")


def _stranger() -> TenantView:
    return TenantView(tenant_id=UUID(int=77), waiting=9, seats=1, floor=0, cap=None, share=1, excess=0, risk=0)


@pytest.mark.parametrize("rule", ["floor", "share"])
def test_the_operator_reads_names_and_values(rule: str) -> None:
    floors_ = {TENANTS[1]: 20} if rule == "floor" else {}
    (decision,) = filled(pool(SHARES, floors=floors_), [10, 12, 3]).decide(NOW)
    names = {TENANTS[1]: "Aster", decision.agent_id: "Zhou Min"}
    told = explain(decision.reason, "operator", names)
    assert "Aster" in told
    assert "Zhou Min was the only free agent" in told
    assert ("0 of 20" if rule == "floor" else "12 of 25 waiting, 4.5 above") in told


def test_the_reason_survives_being_stored() -> None:
    (decision,) = filled(pool(SHARES), [10, 12, 3]).decide(NOW)
    stored = msgspec.to_builtins(decision.reason)
    again = msgspec.convert(stored, type(decision.reason))
    assert again == decision.reason
    assert isinstance(decision, Decision)


def test_a_contact_put_back_keeps_its_place() -> None:
    queue = queues_of(TENANTS)[0]
    matcher = Matcher(pool(SHARES), [queue], general(1, TENANTS))
    first, second, third = (contact(queue, NOW + n) for n in range(3))
    for item in (first, second, third):
        matcher.add(item)
    matcher.remove(first.contact_id)
    matcher.remove(second.contact_id)
    matcher.add(second)
    matcher.add(first)
    served = []
    for _ in range(3):
        matcher.free(UUID(int=5000), NOW)
        served += [d.contact for d in matcher.decide(NOW + 10)]
    assert served == [first, second, third]


@pytest.mark.parametrize(("older", "told"), [(3, "before 3 older"), (40, "before more than 10 older")])
def test_contacts_passed_over_are_counted_or_said_to_be_more(older: int, told: str) -> None:
    queue = queues_of(TENANTS)[0]
    matcher = Matcher(pool(SHARES), [queue], general(1, TENANTS))
    for n in range(older):
        matcher.add(contact(queue, NOW - 1_000 - n, n=n))
    urgent = contact(queue, NOW, priority=9)
    matcher.add(urgent)
    matcher.free(UUID(int=5000), NOW)
    (decision,) = matcher.decide(NOW)
    assert decision.contact == urgent
    assert told in explain(decision.reason, "operator")
    assert told in explain(decision.reason, "tenant")
