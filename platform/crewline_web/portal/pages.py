"""Every page of a tenant's portal."""

from litestar.types import ControllerRouterHandler

from crewline_web.portal import contact, contacts, invoices, reports, today

ROUTES: list[ControllerRouterHandler] = [
    *today.ROUTES,
    *reports.ROUTES,
    *contacts.ROUTES,
    *contact.ROUTES,
    *invoices.ROUTES,
]
