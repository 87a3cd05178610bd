"""The names that an import meets, as ids: tenants, queues and agents, made when they are missing."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from uuid import UUID

from crewline_infra.clock import Clock
from crewline_infra.db import Database, Tx
from crewline_infra.errors import Conflict, Invalid
from crewline_infra.ids import new_id
from crewline_infra.tenancy import Context, Role
from crewline_reporting.imports import store
from crewline_reporting.imports.mapping import Mapping as Language
from crewline_reporting.imports.mapping import TenantRule
from crewline_reporting.imports.packing import Names
from crewline_tenants.tenants import service as tenants
from crewline_tenants.tenants.model import Tenant

SLUG_CHARS_MAX = 40
_HASH_CHARS = 8


class Directory:
    """Remembers what it has looked up; each name is asked for once per run."""

    def __init__(self, database: Database, clock: Clock, language: Language) -> None:
        self._database = database
        self._clock = clock
        self._language = language
        self._names: dict[str, Names] = {}
        self._agents: dict[str, UUID] = {}

    async def require(self, fixed: str | None) -> None:
        """Raises `Invalid` for a tenant that is missing and that the mapping may not create."""
        rule = self._language.tenant
        if fixed is None and rule is not None and rule.create is not None:
            return
        for slug in [fixed] if fixed is not None else _named(rule):
            async with self._database.transaction(Context(Role.WORKER)) as tx:
                if await store.tenant_by_slug(tx, slug) is None:
                    raise Invalid(f"There is no tenant {slug!r}.")

    async def names(self, slug: str, queues: Iterable[str], agents: Mapping[str, str | None]) -> Names:
        """Ids of the names of a batch. `agents` maps alias -> pool (None: no pool)."""
        known = self._names.get(slug)
        missing_queues = [name for name in queues if known is None or name not in known.queues]
        missing_agents = {alias: pool for alias, pool in agents.items() if alias not in self._agents}
        if known is not None and not missing_queues and not missing_agents:
            return known
        tenant_id = known.tenant_id if known is not None else await self._tenant(slug)
        async with self._database.transaction(Context(Role.WORKER, tenant_id=tenant_id)) as tx:
            found = dict(known.queues) if known is not None else {}
            found |= await self._queues(tx, tenant_id, missing_queues)
            if missing_agents:
                self._agents |= await self._made_agents(tx, missing_agents)
        names = Names(tenant_id, self._language.source, found, self._agents)
        self._names[slug] = names
        return names

    async def _tenant(self, slug: str) -> UUID:
        found = await self._stored_tenant(slug)
        if found is not None:
            return found
        made = self._described(slug)
        try:
            async with self._database.transaction(Context(Role.WORKER)) as tx:
                await tenants.create_tenant(tx, made, self._clock.now())
        except Conflict:  # another import has just made it
            found = await self._stored_tenant(slug)
        return found or made.id

    async def _stored_tenant(self, slug: str) -> UUID | None:
        async with self._database.transaction(Context(Role.WORKER)) as tx:
            row = await store.tenant_by_slug(tx, slug)
        return None if row is None else UUID(str(row.id))

    def _described(self, slug: str) -> Tenant:
        rule = self._language.tenant
        if rule is None or rule.create is None:
            raise Invalid(f"There is no tenant {slug!r}.")
        return Tenant(
            id=new_id(),
            slug=slug,
            name=rule.create.names.get(slug, slug),
            name_zh_hans=None,
            name_zh_hant=None,
            time_zone=self._language.time.zone,
            currency=rule.create.currency,
            locale="en",
            colour=8,
            state="active",
        )

    async def _queues(self, tx: Tx, tenant_id: UUID, names: list[str]) -> dict[str, UUID]:
        if not names:
            return {}
        stored = await store.queue_ids(tx, tenant_id)
        pool = self._language.queue.pool if self._language.queue else None
        for name in names:
            slug = slug_of(name)
            if slug not in stored:
                if pool is not None:
                    await store.add_pool(tx, new_id(), slug_of(pool), pool)
                pool_slug = None if pool is None else slug_of(pool)
                await store.add_queue(
                    tx, tenant_id, new_id(), slug=slug, name=name, pool=pool_slug, now=self._clock.now()
                )
        stored = await store.queue_ids(tx, tenant_id)
        return {name: stored[slug_of(name)] for name in names}

    async def _made_agents(self, tx: Tx, agents: Mapping[str, str | None]) -> dict[str, UUID]:
        aliases = sorted(agents)
        stored = await store.agent_ids(tx, aliases)
        for alias in aliases:
            if alias not in stored:
                await store.add_agent(tx, new_id(), alias, self._clock.now())
        stored = await store.agent_ids(tx, aliases)
        for alias, pool in sorted(agents.items()):
            if pool is not None:
                await store.add_pool(tx, new_id(), slug_of(pool), pool)
                await store.join_pool(tx, slug_of(pool), stored[alias])
        return stored


def slug_of(name: str) -> str:
    """A short name for a queue or pool; letters that it cannot hold are told apart by a hash."""
    slug = re.sub(r"[^a-z0-9]+", "-", name.casefold()).strip("-")
    if name.isascii() and slug and len(slug) <= SLUG_CHARS_MAX:
        return slug
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_CHARS]
    return f"{slug[: SLUG_CHARS_MAX - _HASH_CHARS - 1]}-{digest}".strip("-")


def _named(rule: TenantRule | None) -> list[str]:
    if rule is None:
        return []
    return sorted({slug for slug in (rule.fixed, rule.other, *rule.values.values()) if slug})
