"""Every router of the product, named one by one: what is not here is not served."""

from litestar.types import ControllerRouterHandler

from crewline_app import health
from crewline_billing.invoices import http as invoices
from crewline_floor.board import http as board
from crewline_floor.desk import http as desk
from crewline_reporting.metrics import http as metrics
from crewline_reporting.records import http as records
from crewline_reporting.reports import http as reports
from crewline_tenants.contracts import http as contracts
from crewline_tenants.crm import http as crm
from crewline_tenants.people import http as people
from crewline_tenants.queues import http as queues
from crewline_tenants.tenants import http as tenants
from crewline_web import docs, static_files
from crewline_web.auth import pages as auth
from crewline_web.desk import pages as desk_pages
from crewline_web.finance import invoices as finance_invoices
from crewline_web.finance import pages as finance
from crewline_web.floor import pages as floor_pages
from crewline_web.office import pages as office
from crewline_web.portal import pages as portal

ROUTES: list[ControllerRouterHandler] = [
    *health.ROUTES,
    *static_files.ROUTES,
    *docs.ROUTES,
    *auth.ROUTES,
    *people.ROUTES,
    *tenants.ROUTES,
    *queues.ROUTES,
    *contracts.ROUTES,
    *crm.ROUTES,
    *metrics.ROUTES,
    *records.ROUTES,
    *reports.ROUTES,
    *invoices.ROUTES,
    *desk_pages.ROUTES,
    *portal.ROUTES,
    *floor_pages.ROUTES,
    *finance.ROUTES,
    *finance_invoices.ROUTES,
    *office.ROUTES,
    *desk.ROUTES,
    *board.ROUTES,
]
