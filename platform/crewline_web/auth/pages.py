"""Log in and out, the way home, and how the pages look and speak."""

from typing import Annotated
from urllib.parse import urlsplit

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import QueryParameter, URLEncodedBody
from litestar.response import Redirect

from crewline_infra.clock import Clock
from crewline_infra.errors import CrewlineError, Forbidden, TooMany, Unauthenticated
from crewline_infra.i18n import gettext as _
from crewline_infra.settings import Settings
from crewline_infra.tenancy import Context, Role
from crewline_tenants.people import service
from crewline_tenants.people.access import (
    AnyRequest,
    Config,
    Db,
    Form,
    Now,
    Who,
    find_principal,
    from_our_site,
    session_cookie_name,
)
from crewline_tenants.people.login import log_in
from crewline_tenants.people.model import NewSession
from crewline_web import nav
from crewline_web.auth.demo import demo_logins
from crewline_web.prefs import (
    DENSITIES,
    DENSITY_COOKIE,
    LANGUAGE_COOKIE,
    LANGUAGES,
    THEME_COOKIE,
    THEMES,
    preference_cookie,
    safe_next,
)
from crewline_web.render import page


class LoginForm(Form, kw_only=True, frozen=True, forbid_unknown_fields=True):
    login: str = ""
    password: str = ""
    next: str = "/"


class PreferencesForm(Form, kw_only=True, frozen=True, forbid_unknown_fields=True):
    language: str | None = None
    theme: str | None = None
    density: str | None = None
    next: str = "/"


Next = Annotated[str, QueryParameter(name="next", required=False)]


@get("/login", include_in_schema=False)
async def login_page(request: AnyRequest, settings: Config, next_page: Next = "/") -> Response[str]:
    return _login(request, settings, safe_next(next_page))


@post("/login", include_in_schema=False)
async def log_in_here(
    request: AnyRequest,
    data: URLEncodedBody[LoginForm],
    db: Db,
    clock: Now,
    settings: Config,
) -> Response[str]:
    """A fresh session id on every login; the one that the browser had before ends."""
    if not from_our_site(request):
        raise Forbidden(_("This form was not sent from our own page."), code="csrf")
    try:
        session = await log_in(
            db,
            clock,
            data.login,
            data.password,
            address=request.client.host if request.client else "",
            user_agent=request.headers.get("user-agent", ""),
            previous_token=request.cookies.get(session_cookie_name(settings)),
            request_id=str(request.scope.get("crewline_request_id", "")),
        )
    except (Unauthenticated, TooMany) as problem:
        return _login(request, settings, safe_next(data.next), data.login, problem)
    away: Response[str] = Redirect(safe_next(data.next), status_code=303)
    away.set_cookie(_session_cookie(session, settings, clock))
    return away


@post("/logout", include_in_schema=False)
async def log_out(request: AnyRequest, principal: Who, db: Db, settings: Config) -> Response[str]:
    name = session_cookie_name(settings)
    context = Context(role=Role.AUTH, actor_id=principal.user_id, request_id=principal.request_id)
    async with db.transaction(context) as tx:
        await service.close_session(tx, request.cookies.get(name, ""))
    away: Response[str] = Redirect("/login", status_code=303)
    away.set_cookie(Cookie(key=name, value="", max_age=0, path="/", secure=settings.https))
    return away


@get(["/", "/portal"], include_in_schema=False)
async def home(principal: Who) -> Redirect:
    return Redirect(nav.home_of(principal), status_code=303)


@get("/nowhere", include_in_schema=False)
async def nowhere(request: AnyRequest, principal: Who) -> Response[str]:
    """For an account without any role."""
    text = _("Your account has no role yet. Ask the person who invited you.")
    return page(
        request,
        "shell/problem.html",
        principal=principal,
        status=403,
        kind="forbidden",
        title=_("Nothing to see yet"),
        text=text,
        request_id="",
        again="",
    )


@post("/preferences", include_in_schema=False)
async def set_preferences(
    request: AnyRequest,
    data: URLEncodedBody[PreferencesForm],
    db: Db,
    settings: Config,
) -> Response[str]:
    """Kept in cookies; the language of a person who is logged in also in their profile."""
    if not from_our_site(request):
        raise Forbidden(_("This form was not sent from our own page."), code="csrf")
    away: Response[str] = Redirect(safe_next(data.next), status_code=303)
    for cookie, value, known in (
        (LANGUAGE_COOKIE, data.language, LANGUAGES),
        (THEME_COOKIE, data.theme, THEMES),
        (DENSITY_COOKIE, data.density, DENSITIES),
    ):
        if value in known:
            away.set_cookie(preference_cookie(cookie, str(value), secure=settings.https))
    principal = await find_principal(request) if data.language in LANGUAGES else None
    if principal is not None:
        context = Context(role=Role.AUTH, actor_id=principal.user_id)
        async with db.transaction(context) as tx:
            await service.set_locale(tx, principal.user_id, str(data.language))
    return away


ROUTES = [login_page, log_in_here, log_out, home, nowhere, set_preferences]


def _login(
    request: AnyRequest,
    settings: Settings,
    target: str,
    login: str = "",
    problem: CrewlineError | None = None,
) -> Response[str]:
    response = page(
        request,
        "auth/login.html",
        status=problem.status if problem else 200,
        login=login,
        problem=problem.message if problem else "",
        next=target,
        here="/login" if target == "/" else f"/login?next={urlsplit(target).path}",
        demo=demo_logins(request.app.state),
    )
    if isinstance(problem, TooMany):
        response.headers["Retry-After"] = str(problem.retry_after_s)
    return response


def _session_cookie(session: NewSession, settings: Settings, clock: Clock) -> Cookie:
    return Cookie(
        key=session_cookie_name(settings),
        value=session.token,
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.https,
        max_age=int((session.expires_at - clock.now()).total_seconds()),
    )
