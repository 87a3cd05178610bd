"""Pools, agents, import runs and CRM feeds as the office's pages list them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import Row

from crewline_floor.agents.rules import PAUSE_REASONS, SYSTEM_REASONS
from crewline_floor.pools import service as floor_pools
from crewline_floor.pools.service import PoolSetup
from crewline_infra.clock import ms_between
from crewline_infra.db import Database, Tx
from crewline_infra.i18n import gettext as _
from crewline_tenants.crm import service as crm
from crewline_tenants.crm.model import Endpoint
from crewline_tenants.people.access import Permission, Principal, tenant_access
from crewline_tenants.tenants import service as registry
from crewline_tenants.tenants.model import Tenant
from crewline_web import formats
from crewline_web.office import store
from crewline_web.office.figures import every_tenant

STALLED_MS = 15 * 60_000
"""A delivery that has waited longer than this is worth a look."""


@dataclass(frozen=True, slots=True)
class ShareRow:
    tenant: str
    colour: int
    weight: str
    part: float
    floor: int
    cap: int | None


@dataclass(frozen=True, slots=True)
class PoolCard:
    id: UUID
    name: str
    agents: int
    shares: list[ShareRow]
    weight: str
    floor: int


@dataclass(frozen=True, slots=True)
class AgentRow:
    alias: str
    simulated: bool
    state: tuple[str, str]
    since: str
    pools: list[str]
    tenants: list[Tenant]


@dataclass(frozen=True, slots=True)
class AgentPage:
    """`next` is the alias to go on after; empty on the last page."""

    rows: list[AgentRow]
    count: int
    pools: dict[UUID, str]
    next: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    tenant: str
    colour: int
    endpoint: str
    state: tuple[str, str]
    pending: int
    oldest_ms: int | None
    dead: int
    delivered: int
    delivered_at: str


async def pools(tx: Tx) -> list[PoolCard]:
    names = await floor_pools.pool_names(tx)
    return [_card(pool_id, name, await floor_pools.load(tx, pool_id)) for pool_id, name in names.items()]


def _card(pool_id: UUID, name: str, setup: PoolSetup) -> PoolCard:
    shares = setup.policy.shares
    weight = sum(share.share for share in shares.values())
    rows = [
        ShareRow(
            tenant=setup.tenants[tenant_id].name,
            colour=setup.tenants[tenant_id].colour,
            weight=f"{share.share:g}",
            part=share.share / weight,
            floor=share.floor,
            cap=share.cap,
        )
        for tenant_id, share in shares.items()
    ]
    return PoolCard(pool_id, name, len(setup.agents), rows, f"{weight:g}", sum(row.floor for row in rows))


async def agents(tx: Tx, wanted: str, pool_id: UUID | None, *, limit: int, now: datetime, after: str = "") -> AgentPage:
    names = await floor_pools.pool_names(tx)
    tenants = {tenant.id: tenant for tenant in await registry.list_tenants(tx)}
    found = await store.agents(tx, wanted, pool_id, after, limit + 1)
    rows = [_agent(row, names, tenants, now) for row in found[:limit]]
    following = rows[-1].alias if len(found) > limit else ""
    return AgentPage(rows, await store.count_agents(tx, wanted, pool_id), names, following)


def _agent(row: Row[Any], names: dict[UUID, str], tenants: dict[UUID, Tenant], now: datetime) -> AgentRow:
    return AgentRow(
        alias=row.alias,
        simulated=row.simulated,
        state=presence_word(row.state, row.reason),
        since=formats.clock(ms_between(row.since, now)) if row.since and row.state != "offline" else formats.NOTHING,
        pools=[names[pool] for pool in row.pools if pool in names],
        tenants=[tenants[tenant] for tenant in row.tenants if tenant in tenants],
    )


def presence_word(state: str | None, reason: str | None) -> tuple[str, str]:
    """Kind and word for an agent's presence."""
    if state == "available":
        return "ok", _("Available")
    if state == "paused":
        return "risk", _((PAUSE_REASONS | SYSTEM_REASONS).get(reason or "", _("Paused")))
    return "info", _("Logged out")


async def import_runs(tx: Tx, limit: int) -> list[dict[str, Any]]:
    return [_run(row) for row in await store.import_runs(tx, limit)]


def _run(row: Row[Any]) -> dict[str, Any]:
    state = ("ok", _("Finished"))
    if row.finished_at is None:
        state = ("info", _("Running or broken off"))
    elif row.rows_rejected or row.rows_conflicting:
        state = ("risk", _("Finished, look at the rejects"))
    return {
        **row._mapping,
        "state": state,
        "begun": formats.instant(row.started_at, "UTC") + " UTC",
        "took_ms": ms_between(row.started_at, row.finished_at) if row.finished_at else None,
    }


async def feeds(db: Database, principal: Principal, now: datetime) -> list[Feed]:
    found = []
    for tenant in await every_tenant(db, principal):
        async with db.transaction(tenant_access(principal, tenant.id, Permission.CRM_READ)) as tx:
            endpoints = await crm.list_endpoints(tx, tenant.id)
            counts = await store.deliveries(tx, tenant.id)
        found.append(_feed(tenant, endpoints, counts, now))
    return sorted(found, key=lambda feed: (-(feed.oldest_ms or 0), -feed.dead, feed.tenant))


def _feed(tenant: Tenant, endpoints: list[Endpoint], counts: Row[Any] | None, now: datetime) -> Feed:
    oldest_ms = ms_between(counts.oldest_at, now) if counts and counts.oldest_at else None
    last = counts.delivered_at if counts else None
    shown = formats.instant(last, tenant.time_zone) if last else formats.NOTHING
    return Feed(
        tenant=tenant.shown_name,
        colour=tenant.colour,
        endpoint=", ".join(urlsplit(endpoint.url).netloc for endpoint in endpoints),
        state=_feed_state(endpoints, oldest_ms, counts.dead if counts else 0),
        pending=counts.pending if counts else 0,
        oldest_ms=oldest_ms,
        dead=counts.dead if counts else 0,
        delivered=counts.delivered if counts else 0,
        delivered_at=f"{shown} {formats.zone_label(tenant.time_zone, last)}" if last else shown,
    )


def _feed_state(endpoints: list[Endpoint], oldest_ms: int | None, dead: int) -> tuple[str, str]:
    if not endpoints:
        return "info", _("No endpoint")
    if any(endpoint.state == "disabled" for endpoint in endpoints):
        return "miss", _("Switched off after failures")
    if any(endpoint.state == "paused" for endpoint in endpoints):
        return "info", _("Paused by the tenant")
    if (oldest_ms or 0) > STALLED_MS:
        return "miss", _("Not answering")
    if dead or any(endpoint.circuit.failures for endpoint in endpoints):
        return "risk", _("Failing at times")
    return "ok", _("Delivering")
