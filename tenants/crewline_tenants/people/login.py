"""Entering with a password: two short transactions, and the slow hash between them."""

from crewline_infra.clock import Clock
from crewline_infra.db import Database
from crewline_infra.errors import Unauthenticated
from crewline_infra.i18n import gettext as _
from crewline_infra.tenancy import Context, Role
from crewline_tenants.people import service
from crewline_tenants.people.model import NewSession
from crewline_tenants.people.passwords import password_matches


async def log_in(
    database: Database,
    clock: Clock,
    login: str,
    password: str,
    *,
    address: str,
    user_agent: str,
    previous_token: str | None,
    request_id: str,
) -> NewSession:
    """Raises `Unauthenticated` (one sentence for every cause) or `TooMany`."""
    context = Context(role=Role.AUTH, request_id=request_id)
    async with database.transaction(context) as tx:
        account = await service.candidate(tx, login, address, clock.now())
    matches = await password_matches(password, account.password_hash)
    async with database.transaction(context) as tx:
        if matches:
            return await service.open_session(
                tx,
                account,
                address=address,
                user_agent=user_agent,
                previous_token=previous_token,
                now=clock.now(),
            )
        await service.record_failure(tx, account, address, clock.now())
    raise Unauthenticated(_("This e-mail address and password do not belong together."))
