"""Use cases of people: log in, be recognised, keys, accounts. Callers hash the passwords."""

import hashlib
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from crewline_infra.db import Tx
from crewline_infra.errors import Conflict, Invalid, NotFound, TooMany
from crewline_infra.i18n import current_locale
from crewline_infra.i18n import gettext as _
from crewline_infra.ids import new_id
from crewline_infra.secrets import token
from crewline_tenants.people import store
from crewline_tenants.people.model import Candidate, Key, NewKey, NewSession, Person
from crewline_tenants.people.rules import (
    OPERATOR_ROLES,
    TENANT_ROLES,
    Membership,
    PersonRole,
    Principal,
)
from crewline_tenants.people.throttle import wait_s

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
_TOUCH_EVERY = timedelta(seconds=60)
_USER_AGENT_MAX, _LABEL_MAX = 200, 80


async def candidate(tx: Tx, login: str, address: str, now: datetime) -> Candidate:
    """The account that someone wants to enter. Raises `TooMany` while they have to wait."""
    email = login.strip().lower()
    account_hash = hashlib.sha256(email.encode()).digest()
    pause_s = wait_s(await store.failures(tx, account_hash, address, now), now)
    if pause_s:
        text = _("Too many attempts. Try again in %(seconds)s seconds.") % {"seconds": pause_s}
        raise TooMany(text, retry_after_s=pause_s)
    row = await store.account(tx, email)
    return Candidate(
        user_id=row.id if row else None,
        password_hash=row.password_hash if row else None,
        account_hash=account_hash,
    )


async def record_failure(tx: Tx, failed: Candidate, address: str, now: datetime) -> None:
    await store.add_attempt(tx, failed.account_hash, address, succeeded=False, now=now)


async def open_session(
    tx: Tx,
    entering: Candidate,
    *,
    address: str,
    user_agent: str,
    previous_token: str | None,
    now: datetime,
) -> NewSession:
    """A session with an id that only we issue; whatever session the browser had before ends."""
    if entering.user_id is None:
        raise NotFound
    await store.add_attempt(tx, entering.account_hash, address, succeeded=True, now=now)
    if previous_token:
        await store.end_session(tx, _digest(previous_token))
    return await _new_session(tx, entering.user_id, address, user_agent, now)


async def change_password(
    tx: Tx, user_id: UUID, hashed: str, *, address: str, user_agent: str, now: datetime
) -> NewSession:
    """Ends every session of the person and opens a fresh one for the browser that asked."""
    await store.set_password(tx, user_id, hashed)
    await store.end_sessions_of(tx, user_id)
    return await _new_session(tx, user_id, address, user_agent, now)


async def close_session(tx: Tx, session_token: str) -> None:
    await store.end_session(tx, _digest(session_token))


async def principal_of_session(tx: Tx, session_token: str, now: datetime, request_id: str) -> Principal | None:
    """None for a token we never issued, an idle one (30 min), or one older than 12 hours."""
    id_hash = _digest(session_token)
    row = await store.session(tx, id_hash)
    if row is None:
        return None
    if row.expires_at <= now or row.seen_at + IDLE <= now:
        await store.end_session(tx, id_hash)
        return None
    if now - row.seen_at >= _TOUCH_EVERY:
        await store.touch_session(tx, id_hash, now)
    return await _principal(tx, row.user_id, request_id, csrf=row.csrf_token)


async def principal_of_key(tx: Tx, key: str, now: datetime, request_id: str) -> Principal | None:
    """A key acts as its user; no CSRF token, because browsers do not send keys by themselves."""
    user_id = await store.use_key(tx, _digest(key), now)
    return None if user_id is None else await _principal(tx, user_id, request_id, csrf="")


async def add_key(tx: Tx, user_id: UUID, label: str, now: datetime, *, days: int | None = None) -> NewKey:
    if not 1 <= len(label.strip()) <= _LABEL_MAX:
        raise Invalid(_("Name the key with 1 to 80 characters."), field="label")
    made = NewKey(id=new_id(), key=token("crw_"), label=label.strip())
    expires_at = None if days is None else now + timedelta(days=days)
    await store.add_key(tx, made, user_id, _digest(made.key), now=now, expires_at=expires_at)
    return made


async def list_keys(tx: Tx, user_id: UUID) -> list[Key]:
    return [Key(**row._mapping) for row in await store.keys(tx, user_id)]


async def revoke_key(tx: Tx, user_id: UUID, key_id: UUID, now: datetime) -> None:
    if not await store.revoke_key(tx, user_id, key_id, now):
        raise NotFound


async def set_locale(tx: Tx, user_id: UUID, locale: str) -> None:
    await store.set_locale(tx, user_id, locale)


async def create_user(
    tx: Tx,
    *,
    login: str,
    name: str,
    password_hash: str | None,
    now: datetime,
    locale: str | None = None,
    user_id: UUID | None = None,
) -> UUID:
    """Raises `Conflict` when the login is taken."""
    email = login.strip().lower()
    if "@" not in email or not name.strip():
        raise Invalid(_("A person needs a name, and an e-mail address to log in with."), field="login")
    made = user_id or new_id()
    if not await store.add_user(tx, made, email, name.strip(), password_hash=password_hash, locale=locale, now=now):
        raise Conflict(_("This e-mail address is taken."), code="login_taken")
    return made


async def grant_role(tx: Tx, user_id: UUID, role: PersonRole, tenant_id: UUID | None, now: datetime) -> None:
    """A tenant's role needs the tenant, an operator's role must not have one."""
    allowed = OPERATOR_ROLES if tenant_id is None else TENANT_ROLES
    if role not in allowed:
        raise Invalid(_("This role does not belong here."), field="role")
    await store.add_membership(tx, user_id, role.value, tenant_id, now)


async def list_people(tx: Tx, tenant_id: UUID | None) -> list[Person]:
    """People of one tenant, or the operator's own staff."""
    rows = await (store.operator_people(tx) if tenant_id is None else store.tenant_people(tx, tenant_id))
    return [
        Person(
            id=row.id,
            login=row.email,
            name=row.name,
            state=row.state,
            roles=tuple(PersonRole(role) for role in row.roles),
        )
        for row in rows
    ]


async def _new_session(tx: Tx, user_id: UUID, address: str, user_agent: str, now: datetime) -> NewSession:
    made = NewSession(token=token(), csrf=token(), user_id=user_id, expires_at=now + ABSOLUTE)
    await store.add_session(
        tx,
        _digest(made.token),
        user_id,
        made.csrf,
        address=address,
        user_agent=user_agent[:_USER_AGENT_MAX],
        now=now,
        expires_at=made.expires_at,
    )
    return made


async def _principal(tx: Tx, user_id: UUID, request_id: str, *, csrf: str) -> Principal | None:
    person = await store.person(tx, user_id)
    if person is None:
        return None
    rows = await store.memberships(tx, user_id)
    own = [PersonRole(row.role) for row in rows if row.tenant_id is None]
    return Principal(
        user_id=user_id,
        login=person.email,
        name=person.name,
        locale=person.locale,
        operator_role=_strongest(own),
        agent_id=person.agent_id,
        memberships=tuple(_membership(row) for row in rows if row.tenant_id is not None),
        request_id=request_id,
        csrf=csrf,
    )


def _strongest(roles: list[PersonRole]) -> PersonRole | None:
    """People with several operator roles act in the first of this order."""
    order = [PersonRole.ADMIN, PersonRole.SUPERVISOR, PersonRole.FINANCE, PersonRole.AGENT]
    return next((role for role in order if role in roles), None)


def _membership(row: Row[Any]) -> Membership:
    local = {"zh_Hans": row.name_zh_hans, "zh_Hant": row.name_zh_hant}.get(current_locale())
    return Membership(tenant_id=row.tenant_id, slug=row.slug, name=local or row.name, role=PersonRole(row.role))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
