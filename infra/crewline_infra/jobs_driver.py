"""PgQueuer's door to the database: every statement in a transaction of the worker's role.

The logins have no rights of their own and nothing here sets a role for a session, so a pooled
connection goes back as it came. Listening needs no rights and has a connection of its own.
"""

import asyncio
from typing import Any, Self

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import Relay
from pgqueuer.core.tm import TaskManager
from pgqueuer.ports.driver import Driver, NotifyCallback

from crewline_infra.db import Database, driver_url
from crewline_infra.tenancy import Context, Role

_CONTEXT = Context(Role.WORKER, request_id="jobs")


class RoleDriver(Driver):
    def __init__(self, database: Database) -> None:
        self._database = database
        self._listening: asyncpg.Connection | None = None
        self._shutdown = asyncio.Event()
        self._heard = asyncio.Event()

    async def fetch(self, query: str, *args: Any) -> list[dict[str, object]]:
        async with self._database.transaction(_CONTEXT) as tx:
            connection = await tx.driver()
            return [dict(row) for row in await connection.fetch(query, *args)]

    async def execute(self, query: str, *args: Any) -> str:
        async with self._database.transaction(_CONTEXT) as tx:
            connection = await tx.driver()
            status: str = await connection.execute(query, *args)
            return status

    async def notify(self, channel: str, payload: str) -> None:
        """Only the manager's health probe notifies; before anybody listens its probe would be lost."""
        await self._heard.wait()
        await self.execute("select pg_notify($1, $2)", channel, payload)

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        if self._listening is None:
            self._listening = await asyncpg.connect(driver_url(self._database.url), timeout=10)
        await self._listening.add_listener(channel, Relay(callback))
        self._heard.set()

    @property
    def shutdown(self) -> asyncio.Event:
        return self._shutdown

    @property
    def tm(self) -> TaskManager:
        return TaskManager()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.close()
