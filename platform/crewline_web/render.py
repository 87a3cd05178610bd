"""Pages from templates. A page builder needs `page` and `fragment`, and the templates' macros."""

from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from litestar import MediaType, Request, Response
from markupsafe import Markup

from crewline_infra.i18n import gettext, ngettext
from crewline_tenants.people.rules import Permission, Principal
from crewline_tenants.tenants.model import Tenant
from crewline_web import nav
from crewline_web.assets import Assets
from crewline_web.formats import FILTERS, babel_locale, quantity_places
from crewline_web.icons import icon
from crewline_web.prefs import LANGUAGES, prefs_of

AREAS = ("auth", "desk", "finance", "floor", "office", "portal", "shell")
_HERE = Path(__file__).resolve().parent


def page(
    request: Request[Any, Any, Any],
    template: str,
    *,
    principal: Principal | None = None,
    tenant: Tenant | None = None,
    active: str = "",
    status: int = 200,
    **values: Any,
) -> Response[str]:
    """A whole page. `template` is area/file.html and extends shell/page.html.

    `active` is the key of the place in the navigation; a tenant makes it the tenant's portal.
    """
    shell = {
        "active": active,
        "principal": principal,
        "tenant": tenant,
        "places": _places(principal, tenant),
        "operator_places": nav.operator_places(principal) if principal else [],
        "role_name": nav.role_name(principal, tenant) if principal else "",
    }
    return _html(request, template, status, {**shell, **values})


def fragment(request: Request[Any, Any, Any], template: str, *, status: int = 200, **values: object) -> Response[str]:
    """A part of a page, for htmx and event streams."""
    return _html(request, template, status, dict(values))


def render(template: str, **values: object) -> str:
    """The text of a template, for event streams that build their own messages."""
    return _environment().get_template(template).render(values)


@lru_cache(maxsize=1)
def assets() -> Assets:
    return Assets()


def _html(request: Request[Any, Any, Any], template: str, status: int, values: dict[str, object]) -> Response[str]:
    values.setdefault("prefs", prefs_of(request.scope))
    values.setdefault("here", _here(request))
    text = _environment().get_template(template).render(values)
    headers = {"Cache-Control": "no-store", "Vary": "Cookie, Accept-Language"}
    return Response(text, media_type=MediaType.HTML, status_code=status, headers=headers)


def _here(request: Request[Any, Any, Any]) -> str:
    """This page's address, to come back to; a changing request comes back to the start instead."""
    if request.method != "GET":
        return "/"
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def _places(principal: Principal | None, tenant: Tenant | None) -> list[nav.Place]:
    if principal is None:
        return []
    return nav.portal_places(principal, tenant) if tenant else nav.operator_places(principal)


def _csrf_field(principal: Principal) -> Markup:
    return Markup('<input type="hidden" name="_csrf" value="{}">').format(principal.csrf)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    loaders = {name: FileSystemLoader(_HERE / name / "templates") for name in AREAS}
    made = Environment(
        loader=ChoiceLoader([PrefixLoader(loaders)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    install = made.install_gettext_callables  # type: ignore[attr-defined]  # from the extension
    install(gettext, ngettext, newstyle=True)
    made.filters.update(FILTERS)
    made.globals.update(
        asset=lambda path: assets().url(path),
        babel_locale=babel_locale,
        csrf=_csrf_field,
        icon=icon,
        languages=LANGUAGES,
        quantity_places=quantity_places,
        Permission=Permission,
        zone_of=ZoneInfo,
    )
    return made
