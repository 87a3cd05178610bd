"""A whole demonstration: people, tenants, crew, scripts, contracts and three months of history. Safe to repeat."""

from crewline_app.demo.history import seed_history
from crewline_app.demo.people import LOGINS, PASSWORD, seed_people
from crewline_app.demo.scene import load_scene
from crewline_app.demo.stage import seed_crew, seed_tenant, seed_tenants
from crewline_app.wiring import open_database
from crewline_infra.clock import Clock, SystemClock
from crewline_infra.db import Database
from crewline_infra.settings import Settings
from crewline_infra.tenancy import Context, Role

__all__ = ["LOGINS", "PASSWORD", "seed", "seed_into"]
HISTORY_MONTHS = 3


async def seed(settings: Settings) -> str:
    """Returns what there is now, for the line that `crewline up` prints. The schema must be there."""
    async with open_database(settings, "worker", pool_size=5) as database:
        return await seed_into(database, settings, SystemClock())


async def seed_into(
    database: Database, settings: Settings, clock: Clock, *, history_months: int = HISTORY_MONTHS
) -> str:
    """`database` holds connections of the worker's login; no history with `history_months` 0."""
    scene = load_scene()
    now = clock.now()
    async with database.transaction(Context(Role.OPS, request_id="demo")) as tx:
        tenants = await seed_tenants(tx, scene, now)
        await seed_people(tx, scene, tenants, now)
        await seed_crew(tx, scene, tenants, now)
    for tenant in scene.tenants:
        tenant_id = tenants[tenant.slug]
        async with database.transaction(Context(Role.OPS, tenant_id, request_id="demo")) as tx:
            await seed_tenant(tx, scene, tenant, tenant_id, now)
    imported = await seed_history(database, settings, clock, months=history_months)
    agents = sum(map(len, scene.agents.values()))
    return f"{len(scene.tenants)} tenants, {agents} simulated agents, {imported:,} contacts imported"
