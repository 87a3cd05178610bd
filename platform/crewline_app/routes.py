"""Every router of the product, named one by one: what is not here is not served."""

from litestar.types import ControllerRouterHandler

from crewline_app import health
from crewline_floor.board import http as board
from crewline_floor.desk import http as desk
from crewline_reporting.metrics import http as metrics
from crewline_reporting.records import http as records
from crewline_reporting.reports import http as reports
from crewline_tenants.crm import http as crm
from crewline_tenants.people import http as people
from crewline_tenants.tenants import http as tenants
from crewline_web import docs, static_files
from crewline_web.auth import pages as auth
from crewline_web.office import pages as office

ROUTES: list[ControllerRouterHandler] = [
    *health.ROUTES,
    *static_files.ROUTES,
    *docs.ROUTES,
    *auth.ROUTES,
    *people.ROUTES,
    *tenants.ROUTES,
    *crm.ROUTES,
    *metrics.ROUTES,
    *records.ROUTES,
    *reports.ROUTES,
    *office.ROUTES,
    *desk.ROUTES,
    *board.ROUTES,
]
