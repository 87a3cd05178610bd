"""crewline demo-crm: a tenant's CRM to look at."""

import asyncio
import sys

import rich_click as click

from crewline_app.demo import crm_setup
from crewline_app.demo.crm_receiver import CrmReceiver
from crewline_app.processes import begin, on_stop
from crewline_app.startup import ensure_port_free
from crewline_infra.clock import SystemClock
from crewline_infra.settings import Settings


@click.command("demo-crm")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on (default: the web port + 1).")
def demo_crm(port: int | None) -> None:
    """Play the CRM of every demonstration tenant on loopback; what it received is shown at GET /."""
    settings = begin()
    wanted = port or crm_setup.default_port(settings)
    ensure_port_free("127.0.0.1", wanted, "the demonstration CRM", "--port")
    asyncio.run(_play(settings, wanted))


async def _play(settings: Settings, port: int) -> None:
    receiver = CrmReceiver(crm_setup.key_of(settings), SystemClock())
    stopping = asyncio.Event()
    on_stop(stopping.set)
    await receiver.start(port)
    sys.stdout.write(f"The demonstration CRM shows what it received at http://127.0.0.1:{port}/\n")
    sys.stdout.flush()
    await stopping.wait()
    await receiver.stop()


COMMANDS = [demo_crm]
