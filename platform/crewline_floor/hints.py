"""Hints between processes: 'something of this contact, agent or board changed; read the rows'.

They go through NOTIFY and carry ids only, since every listener of the database hears them. A lost
hint costs a moment: every reader also looks by itself now and then.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import asyncpg

from crewline_infra.db import driver_url
from crewline_infra.log import get_logger

CHANNEL = "crewline_floor"
RETRY_S = 2.0
_log = get_logger("hints")


async def listen(database_url: str, heard: Callable[[str], None], listening: asyncio.Event | None = None) -> None:
    """Call `heard` with each payload ('contact POOL TENANT ID', 'agent ID', 'board POOL') until cancelled.

    Connects again by itself; `listening` is set once it hears.
    """
    while True:
        try:
            await _listen_once(database_url, heard, listening)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
            _log.warning("hints_lost", error=type(problem).__name__)
        await asyncio.sleep(RETRY_S)


async def _listen_once(database_url: str, heard: Callable[[str], None], listening: asyncio.Event | None) -> None:
    connection = await asyncpg.connect(driver_url(database_url))
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    try:
        await connection.add_listener(CHANNEL, lambda *told: heard(str(told[-1])))
        if listening is not None:
            listening.set()
        await lost.wait()
    finally:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=2)
