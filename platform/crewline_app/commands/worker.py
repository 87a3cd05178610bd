"""crewline worker: records, CRM deliveries and jobs."""

import asyncio
import sys

import rich_click as click
from prometheus_client import start_http_server

from crewline_app import subscriptions
from crewline_app.processes import begin, on_stop
from crewline_app.startup import ready_database
from crewline_app.worker import Worker
from crewline_infra import outbox
from crewline_infra.clock import SystemClock
from crewline_infra.settings import Settings

CONNECTIONS = 10


@click.command()
@click.option("--metrics-port", type=click.IntRange(1, 65535), help="Serve Prometheus metrics on this loopback port.")
@click.option("--retry-parked", is_flag=True, help="Handle the events that were set aside, then end.")
def worker(metrics_port: int | None, retry_parked: bool) -> None:
    """Turn events into records, deliver to tenants' CRMs, work off jobs. As many of these as you like."""
    settings = begin()
    if retry_parked:
        sys.stdout.write(f"{asyncio.run(_retry_parked(settings))} events handled.\n")
        return
    if metrics_port:
        start_http_server(metrics_port, addr="127.0.0.1")
    asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    async with ready_database(settings, "worker", pool_size=CONNECTIONS) as database:
        process = Worker(database, settings, SystemClock())
        on_stop(process.stop)
        await process.run()


async def _retry_parked(settings: Settings) -> int:
    async with ready_database(settings, "worker", pool_size=2) as database:
        handled = 0
        for tenant_id in await outbox.tenants_with_parked(database, subscriptions.CONSUMER):
            handled += await outbox.retry_parked(database, subscriptions.CONSUMER, tenant_id, subscriptions.handle)
        return handled


COMMANDS = [worker]
