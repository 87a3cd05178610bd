"""What finance's pages share: the tenant behind an address, its context, and the page around a template."""

from typing import Any

from litestar import Response

from crewline_infra.db import Database
from crewline_infra.errors import NotFound
from crewline_infra.i18n import gettext as _
from crewline_infra.tenancy import Context
from crewline_tenants.people.access import AnyRequest, Permission, Principal, operator_access, tenant_access
from crewline_tenants.tenants.model import Tenant
from crewline_web import bill_words
from crewline_web.desk.view import OUTCOMES
from crewline_web.finance.words import kinds, price_words, time_words
from crewline_web.office.figures import every_tenant
from crewline_web.render import page


async def find_tenant(db: Database, principal: Principal, slug: str, permission: Permission) -> tuple[Tenant, Context]:
    """For staff of the operator only; people of the tenant have the portal. Raises `NotFound`, `Forbidden`."""
    operator_access(principal, permission)
    tenant = next((one for one in await every_tenant(db, principal) if one.slug == slug), None)
    if tenant is None:
        raise NotFound
    return tenant, tenant_access(principal, tenant.id, permission)


def finance_page(
    request: AnyRequest, template: str, principal: Principal, *, status: int = 200, **values: Any
) -> Response[str]:
    return page(
        request,
        f"finance/{template}",
        principal=principal,
        active="finance",
        status=status,
        words=bill_words,
        kinds=kinds(),
        outcomes={code: _(word) for code, word in OUTCOMES.items()},
        price_words=price_words,
        time_words=time_words,
        may_write=principal.may(Permission.INVOICE_WRITE),
        **values,
    )
