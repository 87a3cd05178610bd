"""People over the API: who am I, my keys, the operator's staff and a tenant's people."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from crewline_infra.tenancy import Context, Role
from crewline_tenants.people import service
from crewline_tenants.people.access import (
    Body,
    Db,
    Now,
    Permission,
    PersonRole,
    Principal,
    Who,
    operator_access,
    tenant_access,
)
from crewline_tenants.people.model import Person


class MembershipOut(msgspec.Struct, kw_only=True, frozen=True):
    tenant_id: UUID
    slug: str
    name: str
    role: PersonRole


class MeOut(msgspec.Struct, kw_only=True, frozen=True):
    user_id: UUID
    login: str
    name: str
    operator_role: PersonRole | None
    agent_id: UUID | None
    memberships: list[MembershipOut]


class KeyIn(Body, kw_only=True, frozen=True, forbid_unknown_fields=True):
    label: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    days: Annotated[int, msgspec.Meta(ge=1, le=730)] | None = 365


class KeyOut(msgspec.Struct, kw_only=True, frozen=True):
    id: UUID
    label: str
    created_at: datetime
    used_at: datetime | None
    expires_at: datetime | None


class NewKeyOut(msgspec.Struct, kw_only=True, frozen=True):
    """The key is shown this once."""

    id: UUID
    label: str
    key: str


class PersonOut(msgspec.Struct, kw_only=True, frozen=True):
    id: UUID
    login: str
    name: str
    state: str
    roles: list[PersonRole]


@get("/api/v1/me", summary="Who this session or key acts as")
async def read_me(principal: Who) -> MeOut:
    return MeOut(
        user_id=principal.user_id,
        login=principal.login,
        name=principal.name,
        operator_role=principal.operator_role,
        agent_id=principal.agent_id,
        memberships=[
            MembershipOut(tenant_id=m.tenant_id, slug=m.slug, name=m.name, role=m.role) for m in principal.memberships
        ],
    )


@get("/api/v1/me/keys", summary="List your API keys")
async def list_keys(principal: Who, db: Db) -> list[KeyOut]:
    async with db.transaction(_own(principal)) as tx:
        keys = await service.list_keys(tx, principal.user_id)
    return [
        KeyOut(
            id=key.id,
            label=key.label,
            created_at=key.created_at,
            used_at=key.used_at,
            expires_at=key.expires_at,
        )
        for key in keys
    ]


@post("/api/v1/me/keys", summary="Make an API key that acts as you")
async def add_key(data: JSONBody[KeyIn], principal: Who, db: Db, clock: Now) -> NewKeyOut:
    async with db.transaction(_own(principal)) as tx:
        made = await service.add_key(tx, principal.user_id, data.label, clock.now(), days=data.days)
    return NewKeyOut(id=made.id, label=made.label, key=made.key)


@delete("/api/v1/me/keys/{key_id:uuid}", summary="Revoke one of your API keys")
async def revoke_key(key_id: FromPath[UUID], principal: Who, db: Db, clock: Now) -> None:
    async with db.transaction(_own(principal)) as tx:
        await service.revoke_key(tx, principal.user_id, key_id, clock.now())


@get("/api/v1/people", summary="List the operator's people")
async def list_staff(principal: Who, db: Db) -> list[PersonOut]:
    async with db.transaction(operator_access(principal, Permission.PEOPLE_READ)) as tx:
        return [_person(person) for person in await service.list_people(tx, None)]


@get("/api/v1/tenants/{tenant_id:uuid}/people", summary="List a tenant's people")
async def list_members(tenant_id: FromPath[UUID], principal: Who, db: Db) -> list[PersonOut]:
    tenant_access(principal, tenant_id, Permission.PEOPLE_READ)
    async with db.transaction(_own(principal)) as tx:
        return [_person(person) for person in await service.list_people(tx, tenant_id)]


ROUTES = [read_me, list_keys, add_key, revoke_key, list_staff, list_members]


def _own(principal: Principal) -> Context:
    """Accounts lie outside the tenants' tables; only this role reads them."""
    return Context(role=Role.AUTH, actor_id=principal.user_id, request_id=principal.request_id)


def _person(person: Person) -> PersonOut:
    return PersonOut(
        id=person.id,
        login=person.login,
        name=person.name,
        state=person.state,
        roles=list(person.roles),
    )
