"""Why a contact went to an agent: kept as plain data, told as a sentence to operator or tenant.

The tenant's sentence is made from the tenant's own values only: it stays the same, word for word,
whatever the other tenants of the pool had waiting (so nothing about them follows from it).
"""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

import msgspec

from crewline_floor.routing.rules import AgentRule, LaneRule, TenantRule
from crewline_infra.i18n import gettext as _
from crewline_infra.i18n import mark

Audience = Literal["operator", "tenant"]


class TenantView(msgspec.Struct, frozen=True, kw_only=True):
    tenant_id: UUID
    waiting: int
    seats: int
    floor: int
    cap: int | None
    share: float
    excess: float
    risk: float


class LaneView(msgspec.Struct, frozen=True, kw_only=True):
    queue_id: UUID
    priority: int
    aged: float
    wait_ms: int


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Rules that won: tenant (`rule`), lane (`lane_rule`), agent (`agent_rule`), and their values.

    `able` are the tenants that a free agent could have served; `older_*` contacts passed over:
    a lower bound where `older_more` (anybody's) or `older_more_own` (the tenant's) says so.
    """

    at_ms: int
    tenant_id: UUID
    rule: TenantRule
    tenants: tuple[TenantView, ...]
    able: tuple[UUID, ...]
    lane_rule: LaneRule
    lanes: tuple[LaneView, ...]
    queue_id: UUID
    priority: int
    wait_ms: int
    older_own: int
    older_others: int
    older_more_own: bool = False
    older_more: bool = False
    agent_id: UUID
    agent_rule: AgentRule
    agents: int
    idle_ms: int

    def of(self, tenant_id: UUID) -> TenantView | None:
        return next((view for view in self.tenants if view.tenant_id == tenant_id), None)


class OwnReason(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant's side of a decision. `older`: the tenant's own contacts passed over."""

    at_ms: int
    seats: int
    floor: int
    lane_rule: LaneRule
    priority: int
    aged: float
    wait_ms: int
    older: int
    older_more: bool = False


_TENANT_RULES = {
    "floor": mark(
        "{tenant} was below its floor: {seats} of {floor} guaranteed seats were in use, with {waiting} waiting."
    ),
    "only": mark("Only {tenant} had a contact that a free agent could take."),
    "overdue": mark(
        "A contact of {tenant} had waited longer than the pool allows, and {tenant} held the "
        "fewest seats for its share ({seats})."
    ),
    "share": mark(
        "{tenant} exceeded its share of the waiting work the most: {waiting} of {total} waiting, "
        "{excess} above its share."
    ),
    "risk": mark(
        "Shares were nearly even; {tenant} was closest to missing its target ({risk} % of the target time used)."
    ),
}
_LANE_RULES = {
    "only": mark("It was next in its queue."),
    "priority": mark("It had the highest priority ({priority})."),
    "aged": mark("Its priority had risen with its wait to the highest ({aged})."),
    "oldest": mark("It was the oldest among equals."),
}
_AGENT_RULES = {
    "only": mark("{agent} was the only free agent qualified for it."),
    "least_flexible": mark(
        "Of {agents} free agents, {agent} can serve the fewest queues, which keeps the others free."
    ),
    "fit": mark("Of {agents} free agents, {agent} had the best skills for it."),
    "longest_idle": mark("Of {agents} free agents, {agent} had been free the longest."),
}


def own_side(reason: Reason) -> OwnReason:
    """What the tenant may know: nothing of it depends on any other tenant's waiting work."""
    own = reason.of(reason.tenant_id)
    return OwnReason(
        at_ms=reason.at_ms,
        seats=own.seats if own else 0,
        floor=own.floor if own else 0,
        lane_rule=reason.lane_rule,
        priority=reason.priority,
        aged=_aged(reason),
        wait_ms=reason.wait_ms,
        older=reason.older_own,
        older_more=reason.older_more_own,
    )


def explain(reason: Reason | OwnReason, audience: Audience, names: Mapping[UUID, str] | None = None) -> str:
    """In the language of the request. `names` gives tenants' and agents' names; a gap shows '?'."""
    if isinstance(reason, OwnReason):
        return _for_tenant(reason)
    if audience == "tenant":
        return _for_tenant(own_side(reason))
    return _for_operator(reason, names or {})


def _for_operator(reason: Reason, names: Mapping[UUID, str]) -> str:
    own = reason.of(reason.tenant_id)
    values: dict[str, Any] = {
        "tenant": names.get(reason.tenant_id, "?"),
        "agent": names.get(reason.agent_id, "?"),
        "agents": reason.agents,
        "priority": reason.priority,
        "aged": _aged(reason),
        "total": sum(view.waiting for view in reason.tenants),
        "seats": own.seats if own else 0,
        "floor": own.floor if own else 0,
        "waiting": own.waiting if own else 0,
        "excess": own.excess if own else 0,
        "risk": round(own.risk * 100) if own else 0,
    }
    parts = [_TENANT_RULES[reason.rule], _LANE_RULES[reason.lane_rule]]
    parts.append(_AGENT_RULES[reason.agent_rule])
    told = [_(part).format(**values) for part in parts]
    older = reason.older_own + reason.older_others
    if older:
        text = (
            _("Served before more than {n} older contacts.")
            if reason.older_more
            else _("Served before {n} older contacts.")
        )
        told.insert(0, text.format(n=older))
    return " ".join(told)


def _for_tenant(own: OwnReason) -> str:
    if own.seats < own.floor:
        turn = _("Your guaranteed seats were not all in use ({seats} of {floor}).")
    else:
        turn = _("Your turn came by the rule your contract sets for shared agents.")
    told = [turn.format(seats=own.seats, floor=own.floor)]
    if own.older:
        text = (
            _("It went before more than {n} older contacts of yours.")
            if own.older_more
            else _("It went before {n} older contacts of yours.")
        )
        told.append(text.format(n=own.older))
    told.append(_(_LANE_RULES[own.lane_rule]).format(priority=own.priority, aged=own.aged))
    return " ".join(told)


def _aged(reason: Reason) -> float:
    return next(
        (lane.aged for lane in reason.lanes if lane.queue_id == reason.queue_id and lane.priority == reason.priority),
        float(reason.priority),
    )
