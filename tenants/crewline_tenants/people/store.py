"""SQL of people: accounts, roles, sessions, keys and login attempts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx
from crewline_infra.ids import new_id
from crewline_tenants.people.model import NewKey
from crewline_tenants.people.throttle import WINDOW, Failures

PERSON = """
select u.id, u.email, u.name, u.locale, a.id as agent_id
  from app_user u left join agent a on a.user_id = u.id and a.state = 'active'
 where u.id = $1 and u.state = 'active'
"""

MEMBERSHIPS = """
select m.role, m.tenant_id, t.slug, t.name, t.name_zh_hans, t.name_zh_hant
  from membership m left join tenant t on t.id = m.tenant_id
 where m.user_id = $1 and (m.tenant_id is null or t.state <> 'closed')
 order by t.name, m.role
"""

FAILURES = """
with last_success as (
  select coalesce(max(at), '-infinity') as at from login_attempt
   where account_hash = $1 and address = $2 and succeeded and at > $3)
select count(*) filter (where account_hash = $1 and at > (select at from last_success)) as of_pair,
       count(*) as of_address, max(at) as last_at
  from login_attempt where address = $2 and not succeeded and at > $3
"""


async def person(tx: Tx, user_id: UUID) -> Row[Any] | None:
    return await tx.row(PERSON, user_id)


async def memberships(tx: Tx, user_id: UUID) -> Sequence[Row[Any]]:
    return await tx.rows(MEMBERSHIPS, user_id)


async def account(tx: Tx, email: str) -> Row[Any] | None:
    sql = "select id, password_hash from app_user where email = $1 and state = 'active'"
    return await tx.row(sql, email)


async def set_password(tx: Tx, user_id: UUID, hashed: str) -> None:
    await tx.run("update app_user set password_hash = $2 where id = $1", user_id, hashed)


async def set_locale(tx: Tx, user_id: UUID, locale: str) -> None:
    await tx.run("update app_user set locale = $2 where id = $1", user_id, locale)


async def failures(tx: Tx, account_hash: bytes, address: str, now: datetime) -> Failures:
    row = await tx.row(FAILURES, account_hash, address, now - WINDOW)
    if row is None:
        return Failures(of_pair=0, of_address=0, last_at=None)
    return Failures(of_pair=row.of_pair, of_address=row.of_address, last_at=row.last_at)


async def add_attempt(tx: Tx, account_hash: bytes, address: str, *, succeeded: bool, now: datetime) -> None:
    await tx.run(
        "insert into login_attempt (id, account_hash, address, succeeded, at) values ($1, $2, $3, $4, $5)",
        new_id(),
        account_hash,
        address,
        succeeded,
        now,
    )


async def add_session(
    tx: Tx,
    id_hash: bytes,
    user_id: UUID,
    csrf: str,
    *,
    address: str,
    user_agent: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    await tx.run(
        "insert into session "
        "(id_hash, user_id, csrf_token, address, user_agent, created_at, seen_at, expires_at) "
        "values ($1, $2, $3, $4, $5, $6, $6, $7)",
        id_hash,
        user_id,
        csrf,
        address,
        user_agent,
        now,
        expires_at,
    )


async def session(tx: Tx, id_hash: bytes) -> Row[Any] | None:
    return await tx.row("select user_id, csrf_token, seen_at, expires_at from session where id_hash = $1", id_hash)


async def touch_session(tx: Tx, id_hash: bytes, now: datetime) -> None:
    await tx.run("update session set seen_at = $2 where id_hash = $1", id_hash, now)


async def end_session(tx: Tx, id_hash: bytes) -> None:
    await tx.run("delete from session where id_hash = $1", id_hash)


async def end_sessions_of(tx: Tx, user_id: UUID) -> int:
    return await tx.run("delete from session where user_id = $1", user_id)


async def add_key(
    tx: Tx,
    made: NewKey,
    user_id: UUID,
    key_hash: bytes,
    *,
    now: datetime,
    expires_at: datetime | None,
) -> None:
    await tx.run(
        "insert into api_key (id, user_id, label, key_hash, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)",
        made.id,
        user_id,
        made.label,
        key_hash,
        now,
        expires_at,
    )


async def use_key(tx: Tx, key_hash: bytes, now: datetime) -> UUID | None:
    """The user of a live key; its last use is kept to the minute."""
    row = await tx.row(
        "select id, user_id, used_at from api_key "
        "where key_hash = $1 and revoked_at is null and (expires_at is null or expires_at > $2)",
        key_hash,
        now,
    )
    if row is None:
        return None
    if row.used_at is None or (now - row.used_at).total_seconds() > 60:  # noqa: PLR2004 - one minute
        await tx.run("update api_key set used_at = $2 where id = $1", row.id, now)
    user_id: UUID = row.user_id
    return user_id


async def keys(tx: Tx, user_id: UUID) -> Sequence[Row[Any]]:
    return await tx.rows(
        "select id, label, created_at, used_at, expires_at from api_key "
        "where user_id = $1 and revoked_at is null order by created_at",
        user_id,
    )


async def revoke_key(tx: Tx, user_id: UUID, key_id: UUID, now: datetime) -> int:
    return await tx.run(
        "update api_key set revoked_at = $3 where user_id = $1 and id = $2 and revoked_at is null",
        user_id,
        key_id,
        now,
    )


async def add_user(
    tx: Tx,
    user_id: UUID,
    email: str,
    name: str,
    *,
    password_hash: str | None,
    locale: str | None,
    now: datetime,
) -> int:
    return await tx.run(
        "insert into app_user (id, email, name, password_hash, locale, created_at) "
        "values ($1, $2, $3, $4, $5, $6) on conflict (email) do nothing",
        user_id,
        email,
        name,
        password_hash,
        locale,
        now,
    )


async def add_membership(tx: Tx, user_id: UUID, role: str, tenant_id: UUID | None, now: datetime) -> None:
    await tx.run(
        "insert into membership (user_id, role, tenant_id, created_at) values ($1, $2, $3, $4) "
        "on conflict (user_id, role, tenant_id) do nothing",
        user_id,
        role,
        tenant_id,
        now,
    )


async def operator_people(tx: Tx) -> Sequence[Row[Any]]:
    return await tx.rows(
        "select u.id, u.email, u.name, u.state, array_agg(m.role order by m.role) as roles "
        "from app_user u join membership m on m.user_id = u.id and m.tenant_id is null "
        "group by u.id order by u.name, u.id"
    )


async def tenant_people(tx: Tx, tenant_id: UUID) -> Sequence[Row[Any]]:
    return await tx.rows(
        "select u.id, u.email, u.name, u.state, array_agg(m.role order by m.role) as roles "
        "from app_user u join membership m on m.user_id = u.id and m.tenant_id = $1 "
        "group by u.id order by u.name, u.id",
        tenant_id,
    )
