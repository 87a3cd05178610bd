"""The dispatcher process: its loops, hints and end; two of them beside each other."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from click.testing import CliRunner

from crewline_app.commands.dispatcher import dispatcher as command
from crewline_app.dispatcher import Dispatcher
from crewline_floor.engines.measured import measured_patterns
from crewline_floor.engines.simulation import Simulation
from crewline_infra.clock import SystemClock
from crewline_infra.db import Database, set_codecs
from crewline_infra.errors import Invalid, NotFound
from tests.platform.floor.scene import Floor, floor
from tests.platform.floor.test_simulation import add_number

DEADLINE_S = 20


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():  # noqa: ASYNC110 - rows of another process have no event here
            await asyncio.sleep(0.05)


@pytest.fixture
async def scene(database: Database, admin: asyncpg.Connection) -> Floor:
    await set_codecs(admin)
    return await floor(database, admin, SystemClock(), agents=2)  # type: ignore[arg-type]  # the real clock here


async def test_calls_are_offered_by_one_of_two_processes_and_taken_over(
    scene: Floor, worker_database: Database
) -> None:
    one, two = (Dispatcher(database, SystemClock()) for database in (scene.database, worker_database))
    first = asyncio.create_task(one.run())

    async def owned() -> bool:
        return bool(await scene.admin.fetchval("select count(*) from pool_board"))

    await until(owned)
    second = asyncio.create_task(two.run())
    contact = await scene.call(scene.tenants[0])

    async def offered() -> bool:
        return (await scene.state(contact))["state"] == "offered"

    await until(offered)
    one.stop()
    await first
    later = await scene.call(scene.tenants[1])

    async def taken_over() -> bool:
        return (await scene.state(later))["state"] == "offered"

    await until(taken_over)
    assert await scene.admin.fetchval("select max(epoch) from pool_lease") == 2
    two.stop()
    await second
    assert await scene.admin.fetchval("select bool_and(until <= clock_timestamp()) from pool_lease")


async def test_a_simulated_floor_runs_by_itself(database: Database, admin: asyncpg.Connection) -> None:
    await set_codecs(admin)
    scene = await floor(database, admin, SystemClock(), agents=3, simulated=True)  # type: ignore[arg-type]  # the real clock here
    for n in range(2):
        await add_number(scene, n)
    simulation = Simulation(database, SystemClock(), measured_patterns(), speed=400)
    process = Dispatcher(database, SystemClock(), simulation=simulation)
    running = asyncio.create_task(process.run())

    async def handled() -> bool:
        return (
            int(await admin.fetchval("select count(*) from contact where outcome = 'answered' and state = 'closed'"))
            > 2
        )

    await until(handled)
    process.stop()
    await running
    board = await admin.fetchval("select board from pool_board")
    assert len(board["agents"]) == 3
    assert {line["name"] for line in board["tenants"]} == {"Tenant-0", "Tenant-1"}


async def test_a_pool_that_does_not_exist_is_named(database: Database) -> None:
    with pytest.raises(NotFound, match="no pool 'moon'"):
        await Dispatcher(database, SystemClock(), pool="moon").run()


def test_patterns_that_cannot_be_read_stop_the_command_at_once() -> None:
    result = CliRunner().invoke(command, ["--simulate", "--patterns", "/nowhere.json"])
    assert isinstance(result.exception, Invalid)
    assert "/nowhere.json cannot be read" in result.exception.message
