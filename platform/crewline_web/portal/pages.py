"""Every page of a tenant's portal."""

from litestar.types import ControllerRouterHandler

from crewline_web.portal import contact, contacts, crm, formulas, invoices, reports, today

ROUTES: list[ControllerRouterHandler] = [
    *today.ROUTES,
    *reports.ROUTES,
    *formulas.ROUTES,
    *contacts.ROUTES,
    *contact.ROUTES,
    *invoices.ROUTES,
    *crm.ROUTES,
]
