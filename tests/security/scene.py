"""Two tenants that have one of everything, each thing marked with a canary that the other must never see."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec

from crewline_app.subscriptions import record_batch
from crewline_billing.invoices import closing
from crewline_billing.invoices import service as invoices
from crewline_billing.invoices.closing import Desk
from crewline_floor.routing.reasons import LaneView, Reason, TenantView, own_side
from crewline_infra.canonical import canonical_json
from crewline_infra.clock import Clock
from crewline_infra.db import Database
from crewline_infra.egress import Policy
from crewline_infra.ids import new_id
from crewline_infra.secrets import SecretBox
from crewline_infra.tenancy import Context, Role
from crewline_reporting.records.rules import Record
from crewline_reporting.statements.keys import statement_keys
from crewline_tenants.contracts import service as contracts
from crewline_tenants.crm import service as crm
from crewline_tenants.people import service as people
from tests.builders import Tenant, create_agent, create_pool, create_queue, create_tenant, create_user, share_pool

MONTH = "2026-02"
AT = datetime(2026, 2, 10, 3, 0, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

CONTRACT = """
version: 1
name: {canary} terms
currency: CNY
time_zone: Asia/Shanghai
effective_from: 2026-01-01
items:
  - id: handled
    label: {{en: {canary} contacts}}
    meter: contact.handled
    price: {{model: per_unit, unit_price: "2.50"}}
"""


@dataclass
class Side:
    """One tenant with its things by the name of the parameter that addresses them, and keys per role."""

    tenant: Tenant
    canary: str
    ids: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    secret: str = ""
    """What signs the deliveries to its CRM."""


@dataclass
class Scene:
    ours: Side
    theirs: Side
    staff: dict[str, str]
    """API keys of the operator's people by role; the agent has a live leg with each tenant."""


async def build(admin: asyncpg.Connection, database: Database, worker: Database, clock: Clock, home: Path) -> Scene:
    pool = await create_pool(admin, "shared")
    sides = [await _side(admin, database, worker, clock, home, slug, pool) for slug in ("ours", "theirs")]
    staff = {
        role: await _key(admin, database, clock, f"{role}@operator.example", (role, None))
        for role in ("admin", "supervisor", "finance", "agent")
    }
    await _agent_with_a_leg_each(admin, pool, sides)
    return Scene(sides[0], sides[1], staff)


async def _side(  # noqa: PLR0917 - a scene names all its parts
    admin: asyncpg.Connection, database: Database, worker: Database, clock: Clock, home: Path, slug: str, pool: UUID
) -> Side:
    canary = f"CANARY{slug.upper()}"
    tenant = await create_tenant(admin, slug, name=f"{canary} company")
    side = Side(tenant, canary, ids={"tenant_id": str(tenant.id), "tenant": slug, "slug": slug})
    await share_pool(admin, pool, tenant)
    queue = await create_queue(admin, tenant, f"{slug}-line", pool_id=pool)
    await admin.execute("update queue set name = $1 where id = $2", f"{canary} queue", queue)
    side.ids |= {"queue_id": str(queue), "queue": f"{slug}-line"}
    for role in ("manager", "viewer"):
        side.keys[role] = await _key(admin, database, clock, f"{role}@{slug}.example", (role, tenant))
    await _contract(database, side, clock)
    await _endpoint(database, side, home)
    await _live_contact(admin, side, queue, pool)
    await _records(worker, side, queue)
    await _invoice(database, side, clock, home)
    return side


async def _key(
    admin: asyncpg.Connection, database: Database, clock: Clock, email: str, role: tuple[str, Tenant | None]
) -> str:
    user_id = await create_user(admin, email, role)
    async with database.transaction(Context(Role.AUTH, actor_id=user_id)) as tx:
        return (await people.add_key(tx, user_id, "matrix", clock.now())).key


async def _contract(database: Database, side: Side, clock: Clock) -> None:
    async with database.transaction(side.tenant.context(Role.FINANCE)) as tx:
        added = await contracts.add_version(
            tx, side.tenant.id, source_text=CONTRACT.format(canary=side.canary), now=clock.now()
        )
    side.ids["contract_id"] = str(added.id)


async def _endpoint(database: Database, side: Side, home: Path) -> None:
    vault = crm.Vault(SecretBox.from_folder(home / "secrets"), Policy(ports=frozenset({9}), loopback=True))
    async with database.transaction(side.tenant.context()) as tx:
        issued = await crm.add_endpoint(tx, side.tenant.id, vault, f"http://127.0.0.1:9/{side.canary}")
    side.ids["endpoint_id"] = str(issued.endpoint.id)
    side.secret = issued.secret


async def _live_contact(admin: asyncpg.Connection, side: Side, queue: UUID, pool: UUID) -> None:
    """A customer who is talking to an agent, with a script, a note and the decision behind it."""
    tenant_id, contact, customer, script, version = side.tenant.id, new_id(), new_id(), new_id(), new_id()
    disposition = new_id()
    await admin.execute(
        "insert into customer (tenant_id, id, name, phone, created_at) values ($1, $2, $3, '+8613800138000', $4)",
        tenant_id,
        customer,
        f"{side.canary} customer",
        AT,
    )
    await admin.execute(
        "insert into script (tenant_id, id, slug, name) values ($1, $2, 'main', $3)",
        tenant_id,
        script,
        f"{side.canary} script",
    )
    document = {
        "language": "crewline-script/1",
        "languages": ["en"],
        "title": {"en": f"{side.canary} script"},
        "start": "only",
        "steps": [{"id": "only", "title": {"en": side.canary}, "say": {"en": f"{side.canary} says"}}],
    }
    await admin.execute(
        "insert into script_version (tenant_id, id, script_id, version, document, hash, published_at) "
        "values ($1, $2, $3, 1, $4::jsonb, 'x', $5)",
        tenant_id,
        version,
        script,
        canonical_json(document).decode(),
        AT,
    )
    await admin.execute(
        "insert into disposition (tenant_id, id, code, label) values ($1, $2, 'done', $3)",
        tenant_id,
        disposition,
        f"{side.canary} done",
    )
    await admin.execute(
        "insert into contact (tenant_id, id, channel, engine, external_id, queue_id, pool_id, customer_id, state, "
        "arrived_at, queued_at, offered_at, answered_at, note, from_address, script_version_id) "
        "values ($1, $2, 'voice', 'test', 'live', $3, $4, $5, 'talking', $6, $6, $6, $6, $7, '+8613800138000', $8)",
        tenant_id,
        contact,
        queue,
        pool,
        customer,
        AT,
        f"{side.canary} note",
        version,
    )
    side.ids |= {"live_contact": str(contact), "customer_id": str(customer), "disposition_id": str(disposition)}


async def _records(worker: Database, side: Side, queue: UUID) -> None:
    """Three finished contacts, told to the CRM."""
    records = [
        Record(
            tenant_id=side.tenant.id,
            contact_id=new_id(),
            source="test",
            external_id=f"{side.canary}-{number}",
            queue_id=queue,
            agent_alias=f"{side.canary} alias",
            customer_ref=f"{side.canary}-ref",
            outcome="answered",
            arrived_at=AT,
            queued_at=AT,
            answered_at=AT + timedelta(seconds=5),
            ended_at=AT + timedelta(seconds=65),
            wait_ms=5_000,
            talk_ms=60_000,
            recorded_at=AT + timedelta(seconds=66),
        )
        for number in range(3)
    ]
    async with worker.transaction(side.tenant.context(Role.WORKER)) as tx:
        await record_batch(tx, side.tenant.id, records, deliver=True)
    side.ids["contact_id"] = str(records[0].contact_id)
    async with worker.transaction(side.tenant.context(Role.WORKER)) as tx:
        page = await crm.list_deliveries(tx, side.tenant.id)
        side.ids["delivery_id"] = str(page.deliveries[0].id)


async def _invoice(database: Database, side: Side, clock: Clock, home: Path) -> None:
    """February, issued, with its statement."""
    desk = Desk(statement_keys(home / "secrets"), home / "statements", "Operator", clock.now())
    async with database.transaction(side.tenant.context(Role.FINANCE)) as tx:
        draft = await invoices.run(tx, side.tenant.id, MONTH, now=clock.now())
        await closing.issue(tx, side.tenant.id, draft.id, desk)
    side.ids |= {"invoice_id": str(draft.id), "position": "1"}


async def _agent_with_a_leg_each(admin: asyncpg.Connection, pool: UUID, sides: list[Side]) -> None:
    user_id = await admin.fetchval("select id from app_user where email = 'agent@operator.example'")
    agent = await create_agent(admin, "Zhou", user_id=user_id, pool_id=pool, tenants=tuple(s.tenant for s in sides))
    for slot, side in enumerate(sides):
        leg = new_id()
        await admin.execute(
            "insert into leg (tenant_id, id, contact_id, agent_id, pool_id, slot, offered_at, expires_at, answered_at) "
            "values ($1, $2, $3, $4, $5, $6, $7, $7, $7)",
            side.tenant.id,
            leg,
            UUID(side.ids["live_contact"]),
            agent,
            pool,
            slot,
            AT,
        )
        await admin.execute(
            "insert into agent_slot (agent_id, slot, pool_id, tenant_id, contact_id, leg_id, state, since) "
            "values ($1, $2, $3, $4, $5, $6, 'talking', $7)",
            agent,
            slot,
            pool,
            side.tenant.id,
            UUID(side.ids["live_contact"]),
            leg,
            AT,
        )
        side.ids |= {"leg_id": str(leg), "agent_id": str(agent)}
        await _decision(admin, pool, side, sides)


async def _decision(admin: asyncpg.Connection, pool: UUID, side: Side, sides: list[Side]) -> None:
    """Why the live contact went to its agent; the operator's side of it names both tenants."""
    reason = Reason(
        at_ms=0,
        tenant_id=side.tenant.id,
        rule="share",
        tenants=tuple(
            TenantView(tenant_id=one.tenant.id, waiting=7, seats=1, floor=0, cap=None, share=1.0, excess=0.5, risk=0.1)
            for one in sides
        ),
        able=tuple(one.tenant.id for one in sides),
        lane_rule="only",
        lanes=(LaneView(queue_id=UUID(side.ids["queue_id"]), priority=0, aged=0.0, wait_ms=5_000),),
        queue_id=UUID(side.ids["queue_id"]),
        priority=0,
        wait_ms=5_000,
        older_own=0,
        older_others=3,
        agent_id=UUID(side.ids["agent_id"]),
        agent_rule="only",
        agents=1,
        idle_ms=1_000,
    )
    await admin.execute(
        "insert into routing_decision "
        "(tenant_id, id, contact_id, leg_id, pool_id, epoch, decided_at, rule, reason, own) "
        "values ($1, $2, $3, $4, $5, 1, $6, $7, $8::jsonb, $9::jsonb)",
        side.tenant.id,
        new_id(),
        UUID(side.ids["live_contact"]),
        UUID(side.ids["leg_id"]),
        pool,
        AT,
        reason.rule,
        msgspec.json.encode(reason).decode(),
        msgspec.json.encode(own_side(reason)).decode(),
    )
