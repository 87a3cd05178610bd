"""How a simulated agent ends a contact: the script filled in, a result chosen, the contact closed."""

from datetime import datetime
from random import Random
from uuid import UUID

from crewline_floor.agents.service import SlotView
from crewline_floor.contacts import service_legs as legs
from crewline_floor.desk import service as desk
from crewline_floor.engines.answers import answers_for
from crewline_infra.db import Database, Tx
from crewline_infra.tenancy import Context, Role
from crewline_tenants.scripts import rules
from crewline_tenants.scripts import service as scripts
from crewline_tenants.scripts.dispositions import choices

_STEPS_MAX = 40


async def close_contact(database: Database, slot: SlotView, rng: Random, at: datetime) -> None:
    """As at a desk: tenant's data in the agent's own context, then the act on the floor."""
    context = Context(Role.AGENT, slot.tenant_id, slot.agent_id, slot.leg_id, request_id="simulation")
    async with database.transaction(context) as tx:
        suggested = await _fill_script(tx, slot, rng, at)
        tree = choices(await scripts.disposition_tree(tx, slot.tenant_id))
    if not tree:
        return
    chosen = next((choice.id for choice in tree if choice.code == suggested), rng.choice(tree).id)
    async with database.transaction(Context(Role.DISPATCH, request_id="simulation")) as tx:
        await legs.finish(tx, slot.tenant_id, slot.leg_id, slot.agent_id, disposition_id=chosen, note=None, at=at)


async def _fill_script(tx: Tx, slot: SlotView, rng: Random, at: datetime) -> str | None:
    """Walk the pinned script to its end; the disposition that it suggests."""
    version_id: UUID | None = await desk.pinned_script(tx, slot.tenant_id, slot.leg_id)
    if version_id is None:
        return None
    pinned = await scripts.pinned(tx, slot.tenant_id, version_id)
    run = await scripts.run_of(tx, slot.tenant_id, slot.contact_id)
    for _ in range(_STEPS_MAX):
        step = rules.next_step(pinned.script, run)
        if step is None:
            break
        run = rules.finish_step(pinned.script, run, step.id, answers_for(step, rng))
    await scripts.save_run(tx, slot.tenant_id, slot.contact_id, pin=pinned, run=run, at=at)
    return rules.suggested_disposition(pinned.script, run)
