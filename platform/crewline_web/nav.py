"""The places of the product that a person may go to, in order."""

from dataclasses import dataclass

from crewline_infra.i18n import gettext, mark
from crewline_tenants.people.rules import Membership, Permission, PersonRole, Principal
from crewline_tenants.tenants.model import Tenant


@dataclass(frozen=True, slots=True)
class Place:
    """`key` is what a page calls itself in `page(active=…)`."""

    key: str
    href: str
    label: str
    icon: str


_PORTAL = (
    ("today", "", mark("Today"), "today", Permission.REPORT_READ),
    ("reports", "/reports", mark("Reports"), "reports", Permission.REPORT_READ),
    ("contacts", "/contacts", mark("Contacts"), "contacts", Permission.RECORD_READ),
    ("invoices", "/invoices", mark("Invoices"), "invoices", Permission.INVOICE_READ),
    ("crm", "/crm", mark("CRM feed"), "link", Permission.CRM_READ),
)

_OPERATOR = (
    ("office", "/office", mark("Tenants"), "tenants", Permission.TENANT_READ),
    ("floor", "/floor", mark("Floor"), "floor", Permission.FLOOR_WATCH),
    ("finance", "/finance", mark("Finance"), "finance", Permission.INVOICE_READ),
)

_DESK = ("desk", "/desk", mark("Desk"), "phone", Permission.DESK_USE)

ROLE_NAMES = {
    PersonRole.ADMIN: mark("Administrator"),
    PersonRole.SUPERVISOR: mark("Supervisor"),
    PersonRole.FINANCE: mark("Finance"),
    PersonRole.AGENT: mark("Agent"),
    PersonRole.MANAGER: mark("Client manager"),
    PersonRole.VIEWER: mark("Viewer"),
}


def portal_places(principal: Principal, tenant: Tenant) -> list[Place]:
    return [
        Place(key, f"/portal/{tenant.slug}{path}", gettext(label), icon)
        for key, path, label, icon, permission in _PORTAL
        if principal.may(permission, tenant.id)
    ]


def operator_places(principal: Principal) -> list[Place]:
    """Empty for people of tenants."""
    return [
        Place(key, href, gettext(label), icon)
        for key, href, label, icon, permission in (*_OPERATOR, _DESK)
        if principal.operator_role is not None and principal.may(permission)
    ]


def home_of(principal: Principal) -> str:
    """Where a person starts work."""
    starts = {
        PersonRole.ADMIN: "/office",
        PersonRole.SUPERVISOR: "/floor",
        PersonRole.FINANCE: "/finance",
        PersonRole.AGENT: "/desk",
    }
    if principal.operator_role is not None:
        return starts[principal.operator_role]
    first: Membership | None = next(iter(principal.memberships), None)
    return f"/portal/{first.slug}" if first else "/nowhere"


def role_name(principal: Principal, tenant: Tenant | None) -> str:
    role = principal.role_in(tenant.id) if tenant else None
    shown = role or principal.operator_role or next((m.role for m in principal.memberships), None)
    return gettext(ROLE_NAMES[shown]) if shown else ""
