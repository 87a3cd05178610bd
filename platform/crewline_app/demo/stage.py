"""Tenants, pools, agents, queues, numbers, scripts, results, contracts: the stage of the demonstration."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from crewline_app.demo import store
from crewline_app.demo.people import AGENT_ALIAS, AGENT_EMAIL
from crewline_app.demo.scene import Result, Scene, TenantScene, contract_text, results_of, script_of
from crewline_infra.db import Tx
from crewline_infra.ids import new_id
from crewline_reporting.imports.directory import slug_of
from crewline_tenants.contracts import service as contracts
from crewline_tenants.scripts import service as scripts
from crewline_tenants.tenants import service as tenants
from crewline_tenants.tenants.model import Tenant

ZONE, CURRENCY = "Asia/Jerusalem", "ILS"
_LEVELS = (2, 3, 4)


async def seed_tenants(tx: Tx, scene: Scene, now: datetime) -> dict[str, UUID]:
    """Role OPS, no tenant."""
    known = await store.tenant_ids(tx)
    for tenant in scene.tenants:
        if tenant.slug not in known:
            made = Tenant(
                id=new_id(),
                slug=tenant.slug,
                name=tenant.name,
                name_zh_hans=tenant.zh_hans,
                name_zh_hant=tenant.zh_hant,
                time_zone=ZONE,
                currency=CURRENCY,
                locale="en",
                colour=tenant.colour,
                state="active",
            )
            await tenants.create_tenant(tx, made, now)
    return await store.tenant_ids(tx)


async def seed_crew(tx: Tx, scene: Scene, known: dict[str, UUID], now: datetime) -> None:
    """Pools with shares, skills, simulated agents, and the agent whom a person plays. Role OPS, no tenant."""
    pools = {pool.slug: await store.add_pool(tx, pool.slug, pool.name) for pool in scene.pools}
    skills = [await store.add_skill(tx, name) for name in scene.skills]
    for tenant in scene.tenants:
        await store.share_pool(
            tx,
            pools[tenant.queue.pool],
            known[tenant.slug],
            share=Decimal(tenant.share.share),
            floor_seats=tenant.share.floor_seats,
            cap_seats=tenant.share.cap_seats,
        )
    served = [known[tenant.slug] for tenant in scene.tenants]
    for slug, aliases in scene.agents.items():
        for number, alias in enumerate(aliases):
            agent_id = await store.add_agent(tx, alias, simulated=True, user_id=None, now=now)
            await store.join_pool(tx, pools[slug], agent_id)
            own = skills if slug != scene.pools[0].slug else _some_of(skills, number)
            await _qualify(tx, agent_id, own, served, number=number, now=now)
    user_id = await store.user_id_of(tx, AGENT_EMAIL)
    human = await store.add_agent(tx, AGENT_ALIAS, simulated=False, user_id=user_id, now=now)
    # The least flexible qualified agent is served first: two tenants only, so that a visitor's wait is short.
    await store.join_pool(tx, pools[scene.pools[0].slug], human)
    await _qualify(tx, human, skills[:1], served[:2], number=1, now=now)


async def seed_tenant(tx: Tx, scene: Scene, tenant: TenantScene, tenant_id: UUID, now: datetime) -> None:
    """Script, results, queue, numbers, customers and contract of one tenant. Role OPS, that tenant."""
    await scripts.publish(tx, tenant_id, tenant.slug, script_of(tenant.slug), at=now)
    if not await scripts.disposition_tree(tx, tenant_id):
        await _add_results(tx, tenant_id, results_of(tenant.slug), None)
    queue_id = await store.add_queue(
        tx,
        tenant_id,
        slug=slug_of(tenant.queue.name),
        name=tenant.queue.name,
        pool_id=await store.add_pool(tx, tenant.queue.pool, tenant.queue.pool),
        script_id=await scripts.script_of(tx, tenant_id, tenant.slug),
        target=Decimal(tenant.queue.target),
        now=now,
    )
    for name, level in tenant.queue.skills.items():
        await store.require_skill(tx, tenant_id, queue_id, await store.add_skill(tx, name), level)
    for number in tenant.numbers:
        await store.add_number(tx, tenant_id, queue_id, address=number, name=tenant.queue.name, now=now)
    for position, surname in enumerate(scene.customers):
        await store.add_customer(
            tx,
            tenant_id,
            name=f"{chr(ord('A') + position)}. {surname}",
            phone=f"+9725555{tenant.colour}{position:03d}",
            reference=f"{tenant.slug.upper()}-{1000 + position}",
            now=now,
        )
    text = contract_text(tenant.slug)
    if text is not None:
        await contracts.add_version(tx, tenant_id, source_text=text, now=now)


async def _add_results(tx: Tx, tenant_id: UUID, results: Sequence[Result], parent_id: UUID | None) -> None:
    for position, result in enumerate(results):
        label = {"en": result.en, "zh_Hans": result.zh_hans, "zh_Hant": result.zh_hant}
        made = await scripts.add_disposition(
            tx,
            tenant_id,
            code=result.code,
            label=label,
            parent_id=parent_id,
            outcome=result.outcome,
            position=position,
        )
        await _add_results(tx, tenant_id, result.under, made)


async def _qualify(
    tx: Tx, agent_id: UUID, skills: Sequence[UUID], tenant_ids: Sequence[UUID], *, number: int, now: datetime
) -> None:
    for tenant_id in tenant_ids:
        await store.certify(tx, agent_id, tenant_id, now)
    for skill_id in skills:
        await store.give_skill(tx, agent_id, skill_id, _LEVELS[number % len(_LEVELS)])


def _some_of(skills: Sequence[UUID], number: int) -> list[UUID]:
    """Two agents in three have the first skill, one in two the second: lines of work then really compete."""
    return [skill for place, skill in enumerate(skills[:2]) if number % (place + 2) != 0 or number == 0]
