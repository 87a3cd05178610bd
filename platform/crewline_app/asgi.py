"""The web process: one Litestar application over one database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from litestar import Litestar, get
from litestar.datastructures import State
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.response import Response
from litestar.serialization import encode_json
from litestar.types import ControllerRouterHandler

import crewline_web
from crewline_app.demo.people import LOGINS
from crewline_app.doctor import examine
from crewline_app.problems import exception_handlers
from crewline_app.readable import refuse_unreadable
from crewline_app.requests import observed
from crewline_app.routes import ROUTES
from crewline_app.wiring import open_database
from crewline_floor.board.hub import stop_hub
from crewline_infra import log
from crewline_infra.clock import Clock, SystemClock
from crewline_infra.db import Database
from crewline_infra.i18n import use_catalogues
from crewline_infra.settings import Settings, load_settings
from crewline_tenants.people.access import AnyRequest, dependencies
from crewline_web.auth.demo import DemoLogin
from crewline_web.headers import security_headers

BODY_BYTES_MAX = 2 * 1024 * 1024


def create_app(
    settings: Settings,
    database: Database | None = None,
    *,
    clock: Clock | None = None,
    routes: list[ControllerRouterHandler] | None = None,
) -> Litestar:
    """Without a `database` the application opens the installation's own when it starts."""
    use_catalogues(Path(crewline_web.__file__).parent / "locales")
    state = State({"settings": settings, "clock": clock or SystemClock(), "database": database, "doctor": examine})
    if settings.demo:
        state.demo_logins = [DemoLogin(one.who, one.email, one.password) for one in LOGINS]
    app = Litestar(
        route_handlers=[openapi_document, *(ROUTES if routes is None else routes)],
        before_request=refuse_unreadable,
        dependencies=dependencies(),
        exception_handlers=exception_handlers(),
        lifespan=[] if database is not None else [_own_database],
        logging_config=None,
        on_shutdown=[stop_hub],
        openapi_config=_openapi(),
        request_max_body_size=BODY_BYTES_MAX,
        state=state,
    )
    app.asgi_handler = observed(security_headers(app.asgi_handler, https=settings.https))
    return app


def app_factory() -> Litestar:
    """For the server: settings from the environment."""
    settings = load_settings()
    log.configure(settings.log_level, settings.log_format)
    return create_app(settings)


@get("/openapi.json", include_in_schema=False, sync_to_thread=False)
def openapi_document(request: AnyRequest) -> Response[bytes]:
    """OpenAPI 3.1 of every operation."""
    content = encode_json(request.app.openapi_schema.to_schema())
    return Response(content, media_type="application/json")


@asynccontextmanager
async def _own_database(app: Litestar) -> AsyncIterator[None]:
    async with open_database(app.state.settings, "web") as database:
        app.state.database = database
        yield


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Crewline",
        version="1",
        description="Contacts, service levels, usage and invoices of outsourced contact centres.",
        components=Components(security_schemes={"key": SecurityScheme(type="http", scheme="bearer")}),
        security=[{"key": []}],
        # Only the document: the pages that come with the framework load their scripts from elsewhere.
        render_plugins=[JsonRenderPlugin()],
        path="/openapi",
    )
