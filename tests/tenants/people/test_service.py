"""Accounts, sessions and keys in the database: nothing usable lies there, and rights end at once."""

from uuid import uuid4

import asyncpg
import pytest

from crewline_infra.clock import ManualClock
from crewline_infra.db import Database, Tx
from crewline_infra.errors import Conflict, Invalid, NotFound
from crewline_infra.tenancy import Context, Role
from crewline_tenants.people import service
from crewline_tenants.people.model import NewSession
from crewline_tenants.people.passwords import hash_password, password_matches
from crewline_tenants.people.rules import PersonRole
from tests.builders import create_agent, create_tenant, create_user

AUTH, OPS = Context(role=Role.AUTH), Context(role=Role.OPS)


async def open_session(tx: Tx, email: str, clock: ManualClock) -> NewSession:
    account = await service.candidate(tx, email, "10.0.0.1", clock.now())
    return await service.open_session(
        tx, account, address="10.0.0.1", user_agent="test", previous_token=None, now=clock.now()
    )


async def test_the_database_holds_digests_only(
    database: Database, admin: asyncpg.Connection, clock: ManualClock
) -> None:
    user = await create_user(admin, "lin@aster.example", ("manager", await create_tenant(admin)))
    async with database.transaction(AUTH) as tx:
        session = await open_session(tx, "lin@aster.example", clock)
        key = await service.add_key(tx, user, "nightly", clock.now())
    dump = str(await admin.fetch("select * from session")) + str(await admin.fetch("select * from api_key"))
    assert session.token not in dump
    assert key.key not in dump


async def test_a_person_carries_roles_tenants_and_agent(
    database: Database, admin: asyncpg.Connection, clock: ManualClock
) -> None:
    aster, birch = await create_tenant(admin, "aster"), await create_tenant(admin, "birch")
    user = await create_user(
        admin, "mei@op.example", ("agent", None), ("finance", None), ("viewer", aster), ("manager", birch)
    )
    agent = await create_agent(admin, user_id=user)
    async with database.transaction(AUTH) as tx:
        session = await open_session(tx, "mei@op.example", clock)
        found = await service.principal_of_session(tx, session.token, clock.now(), "r1")
    assert found is not None
    assert (found.operator_role, found.agent_id) == (PersonRole.FINANCE, agent)
    assert found.role_in(aster.id) is PersonRole.VIEWER
    assert found.role_in(birch.id) is PersonRole.MANAGER


async def test_a_disabled_account_is_out_at_once(
    database: Database, admin: asyncpg.Connection, clock: ManualClock
) -> None:
    user = await create_user(admin, "lin@aster.example", ("manager", await create_tenant(admin)))
    async with database.transaction(AUTH) as tx:
        session = await open_session(tx, "lin@aster.example", clock)
        key = await service.add_key(tx, user, "nightly", clock.now())
    await admin.execute("update app_user set state = 'disabled' where id = $1", user)
    async with database.transaction(AUTH) as tx:
        assert await service.principal_of_session(tx, session.token, clock.now(), "") is None
        assert await service.principal_of_key(tx, key.key, clock.now(), "") is None


async def test_a_new_password_ends_every_other_session(
    database: Database, admin: asyncpg.Connection, clock: ManualClock
) -> None:
    user = await create_user(admin, "lin@aster.example", ("manager", await create_tenant(admin)))
    async with database.transaction(AUTH) as tx:
        old = [await open_session(tx, "lin@aster.example", clock) for _ in range(2)]
        fresh = await service.change_password(tx, user, "hash", address="10.0.0.1", user_agent="test", now=clock.now())
        for session in old:
            assert await service.principal_of_session(tx, session.token, clock.now(), "") is None
        assert await service.principal_of_session(tx, fresh.token, clock.now(), "") is not None


async def test_a_key_expires_and_only_its_owner_revokes_it(
    database: Database, admin: asyncpg.Connection, clock: ManualClock
) -> None:
    tenant = await create_tenant(admin)
    lin = await create_user(admin, "lin@aster.example", ("manager", tenant))
    outsider = await create_user(admin, "wu@aster.example", ("manager", tenant))
    async with database.transaction(AUTH) as tx:
        key = await service.add_key(tx, lin, "nightly", clock.now(), days=1)
        with pytest.raises(NotFound):
            await service.revoke_key(tx, outsider, key.id, clock.now())
        assert [one.label for one in await service.list_keys(tx, lin)] == ["nightly"]
        assert await service.list_keys(tx, outsider) == []
        assert await service.principal_of_key(tx, key.key, clock.now(), "") is not None
        clock.advance(86_400_000)
        assert await service.principal_of_key(tx, key.key, clock.now(), "") is None


async def test_an_address_is_taken_once_and_a_role_needs_its_place(
    database: Database, admin: asyncpg.Connection, clock: ManualClock
) -> None:
    tenant = await create_tenant(admin)
    async with database.transaction(OPS) as tx:
        user = await service.create_user(
            tx, login=" Lin@Aster.example", name="Lin", password_hash=None, now=clock.now()
        )
        with pytest.raises(Conflict):
            await service.create_user(tx, login="lin@aster.example", name="Other", password_hash=None, now=clock.now())
        with pytest.raises(Invalid):
            await service.grant_role(tx, user, PersonRole.MANAGER, None, clock.now())
        with pytest.raises(Invalid):
            await service.grant_role(tx, user, PersonRole.FINANCE, tenant.id, clock.now())
        await service.grant_role(tx, user, PersonRole.MANAGER, tenant.id, clock.now())
        assert [person.login for person in await service.list_people(tx, tenant.id)] == ["lin@aster.example"]
        assert await service.list_people(tx, uuid4()) == []


async def test_passwords_have_a_length_and_an_account_without_one_matches_nothing() -> None:
    for bad in ("short", "x" * 257):
        with pytest.raises(Invalid):
            await hash_password(bad)
    stored = await hash_password("correct horse battery")
    assert await password_matches("correct horse battery", stored)
    assert not await password_matches("correct horse batterY", stored)
    assert not await password_matches("anything at all", None)
