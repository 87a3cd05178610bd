"""Is the process alive, can it work, and how much has it done."""

import os

from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from crewline_infra.tenancy import Context, Role
from crewline_tenants.people.access import Db


@get("/health/live", summary="The process answers")
async def live() -> dict[str, str]:
    return {"status": "live"}


@get("/health/ready", summary="The database answers")
async def ready(db: Db) -> dict[str, str]:
    """503 when it does not."""
    async with db.transaction(Context(role=Role.AUTH)) as tx:
        await tx.value("select 1")
    return {"status": "ready"}


@get("/metrics", include_in_schema=False, sync_to_thread=False)
def metrics() -> Response[bytes]:
    """Over all web processes of this machine when PROMETHEUS_MULTIPROC_DIR is set."""
    registry: CollectorRegistry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # untyped in the library
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


ROUTES = [live, ready, metrics]
