"""crewline dispatcher: routes contacts to agents; crewline simulate: customers and agents who are not real."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click

from crewline_app.commands.files import read_text
from crewline_app.dispatcher import Dispatcher, simulate_until
from crewline_app.processes import begin, on_stop
from crewline_app.startup import ready_database
from crewline_floor.engines.measured import measured_patterns
from crewline_floor.engines.patterns import Patterns, parse_patterns
from crewline_floor.engines.simulation import Simulation
from crewline_infra.clock import SystemClock
from crewline_infra.db import Database
from crewline_infra.errors import Invalid
from crewline_infra.settings import Settings

CONNECTIONS = 8


def simulation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--seed", type=int, default=1, show_default=True, help="The same seed draws the same customers."),
        click.option("--speed", type=click.FloatRange(0.01, 1000), help="Time-lapse (CREWLINE_SIMULATION_SPEED)."),
        click.option(
            "--load", type=click.FloatRange(0, 1000), help="Calls, times; without it the crew is just enough."
        ),
        click.option(
            "--patterns",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="How customers behave (JSON); otherwise as measured on published histories.",
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.option("--pool", metavar="SLUG", help="Only this pool; otherwise all of them.")
@click.option("--simulate", is_flag=True, help="Play customers and simulated agents too.")
@simulation_options
def dispatcher(pool: str | None, simulate: bool, **options: Any) -> None:
    """Route waiting contacts to free agents. Run as many as you like: each pool has one at a time."""
    settings = begin()
    patterns = read_patterns(options["patterns"])
    asyncio.run(_dispatch(settings, pool, patterns if simulate else None, options))


@click.command()
@simulation_options
def simulate(**options: Any) -> None:
    """Play customers who call the tenants' numbers, and the simulated agents. Never answers for a person."""
    settings = begin()
    asyncio.run(_simulate(settings, read_patterns(options["patterns"]), options))


def read_patterns(path: Path | None) -> Patterns:
    """Raises `Invalid` when the file cannot be read or used."""
    if path is None:
        return measured_patterns()
    try:
        return parse_patterns(json.loads(read_text(str(path))))
    except (ValueError, RecursionError) as problem:
        raise Invalid(f"{path} cannot be read: {problem}.") from problem


def _simulation(database: Database, settings: Settings, patterns: Patterns, options: dict[str, Any]) -> Simulation:
    return Simulation(
        database,
        SystemClock(),
        patterns,
        seed=options["seed"],
        speed=options["speed"] or settings.simulation_speed,
        load=options["load"],
    )


async def _dispatch(settings: Settings, pool: str | None, patterns: Patterns | None, options: dict[str, Any]) -> None:
    async with ready_database(settings, "web", pool_size=CONNECTIONS) as database:
        simulation = _simulation(database, settings, patterns, options) if patterns else None
        process = Dispatcher(database, SystemClock(), pool=pool, simulation=simulation)
        on_stop(process.stop)
        await process.run()


async def _simulate(settings: Settings, patterns: Patterns, options: dict[str, Any]) -> None:
    async with ready_database(settings, "web", pool_size=CONNECTIONS) as database:
        stop = asyncio.Event()
        on_stop(stop.set)
        await simulate_until(stop, _simulation(database, settings, patterns, options))


COMMANDS = [dispatcher, simulate]
