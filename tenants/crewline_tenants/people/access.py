"""What every edge of the product uses: who is asking, and the context in which they may act.

A handler names `principal: Who` and `db: Db` (dependencies of the application; `clock: Now` and
`settings: Config` are the others), asks `tenant_access` or `operator_access` for a context, and opens
one transaction with it:

    @get("/api/v1/tenants/{tenant_id:uuid}/queues")
    async def list_queues(tenant_id: FromPath[UUID], principal: Who, db: Db) -> list[QueueOut]:
        context = tenant_access(principal, tenant_id, Permission.QUEUE_READ)
        async with db.transaction(context) as tx:
            return await service.list_queues(tx, tenant_id)

Litestar 3 wants every source named: FromPath, FromQuery, JSONBody, URLEncodedBody of litestar.params.
State-changing requests of a session are refused without its CSRF token, or from another site,
before the handler runs.
"""

import hmac
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from crewline_infra.clock import Clock
from crewline_infra.db import Database
from crewline_infra.errors import Forbidden, Unauthenticated
from crewline_infra.i18n import gettext as _
from crewline_infra.settings import Settings
from crewline_infra.tenancy import Context, Role
from crewline_tenants.people import service
from crewline_tenants.people.contexts import leg_access, operator_access, tenant_access
from crewline_tenants.people.rules import Membership, Permission, PersonRole, Principal

__all__ = (
    "AnyRequest",
    "Body",
    "Config",
    "Db",
    "Form",
    "Membership",
    "Now",
    "Permission",
    "PersonRole",
    "Principal",
    "Who",
    "dependencies",
    "find_principal",
    "from_our_site",
    "leg_access",
    "operator_access",
    "session_cookie_name",
    "tenant_access",
)


Who = NamedDependency[Principal]
Db = NamedDependency[Database]
Now = NamedDependency[SkipValidation[Clock]]  # a protocol cannot be checked at run time
Config = NamedDependency[Settings]
AnyRequest = Request[Any, Any, State]
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "_csrf"


class Body(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Base of every JSON request body: a field that the operation does not know is refused."""


class Form(Body, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Base of every form that a page posts; the page's `csrf(principal)` field rides along."""

    csrf: str = msgspec.field(default="", name=CSRF_FIELD)


def dependencies() -> dict[str, Provide]:
    """For the application (and for tests that mount one router)."""
    return {
        "db": Provide(provide_database, sync_to_thread=False),
        "clock": Provide(provide_clock, sync_to_thread=False),
        "settings": Provide(provide_settings, sync_to_thread=False),
        "principal": Provide(provide_principal),
    }


def provide_database(state: State) -> Database:
    database: Database = state.database
    return database


def provide_clock(state: State) -> Clock:
    clock: Clock = state.clock
    return clock


def provide_settings(state: State) -> Settings:
    settings: Settings = state.settings
    return settings


async def provide_principal(request: AnyRequest) -> Principal:
    """Raises `Unauthenticated`, or `Forbidden` for a change that did not come from our own page."""
    principal = await find_principal(request)
    if principal is None:
        raise Unauthenticated(_("Log in first."))
    if principal.csrf and request.method not in SAFE_METHODS:
        await _check_csrf(request, principal)
    return principal


async def find_principal(request: AnyRequest) -> Principal | None:
    """The person behind this request, or None. An API key wins over a session cookie."""
    key = _bearer(request)
    token = request.cookies.get(session_cookie_name(request.app.state.settings))
    if key is None and token is None:
        return None
    database: Database = request.app.state.database
    request_id = str(request.scope.get("crewline_request_id", ""))
    now = request.app.state.clock.now()
    async with database.transaction(Context(role=Role.AUTH, request_id=request_id)) as tx:
        if key is not None:
            return await service.principal_of_key(tx, key, now, request_id)
        return await service.principal_of_session(tx, token or "", now, request_id)


def session_cookie_name(settings: Settings) -> str:
    """The __Host- prefix pins the cookie to this host and https; plain http cannot carry it."""
    return "__Host-crewline" if settings.https else "crewline"


def from_our_site(request: AnyRequest) -> bool:
    """Whether our own page caused this request, says the browser; programs say nothing, and pass."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc == request.headers.get("host")


async def _check_csrf(request: AnyRequest, principal: Principal) -> None:
    sent = request.headers.get(CSRF_HEADER) or str((await request.form()).get(CSRF_FIELD, ""))
    same = hmac.compare_digest(sent.encode(), principal.csrf.encode())
    if not same or not from_our_site(request):
        raise Forbidden(_("This page is out of date. Load it again, then repeat what you did."), code="csrf")


def _bearer(request: AnyRequest) -> str | None:
    scheme, _space, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" and key.strip() else None
