"""One way to the database: a transaction with a context, and plain SQL with $1 parameters."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import Connection, CursorResult, Row, event, exc
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.pool import ConnectionPoolEntry

from crewline_infra.errors import Forbidden, Unavailable
from crewline_infra.tenancy import Context, enter

STATEMENT_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 5_000
IDLE_TRANSACTION_TIMEOUT_MS = 30_000
_ASSIGNMENT_ENDED = "CL001"
_NOT_PREPARED = {"28P01", "28000", "3F000", "42883", "42501"}
"""No such login or password, no schema, no entering function, no right to it: `crewline migrate` was not run."""

_AWAY = ("08", "3D", "53", "55000", "57")
"""No connection, no such database (yet), no room, not accepting, shutting down: it may come back by itself."""


class Tx:
    """An open transaction in one context. Stores and services take it first; only edges open one."""

    def __init__(self, session: AsyncSession, context: Context) -> None:
        self._session = session
        self.context = context
        self._callbacks: list[Callable[[], None]] = []

    async def rows(self, sql: str, *args: Any) -> Sequence[Row[Any]]:
        return (await self._execute(sql, args)).all()

    async def row(self, sql: str, *args: Any) -> Row[Any] | None:
        return (await self._execute(sql, args)).first()

    async def value(self, sql: str, *args: Any) -> Any:
        """The first column of the first row, or None when there is no row."""
        row = (await self._execute(sql, args)).first()
        return None if row is None else row[0]

    async def run(self, sql: str, *args: Any) -> int:
        """Execute a statement and return how many rows it touched."""
        return (await self._execute(sql, args)).rowcount

    async def driver(self) -> asyncpg.Connection:
        """The driver's connection of this transaction, for COPY and the job queue; the context is entered."""
        connection = await self._session.connection()
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        if driver is None:
            raise Unavailable("The database connection is closed.")
        # SQLAlchemy's asyncpg adapter begins lazily at its first statement; entering was one.
        return driver

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Run `callback` once this transaction has been committed; never when it rolls back."""
        self._callbacks.append(callback)

    def committed(self) -> None:
        for callback in self._callbacks:
            callback()

    async def _execute(self, sql: str, args: tuple[Any, ...]) -> CursorResult[Any]:
        connection = await self._session.connection()
        return await connection.exec_driver_sql(sql, args or None)


class Database:
    """The connections of one process under one login role."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = url
        self.engine = _engine(url, pool_size)

    @asynccontextmanager
    async def transaction(self, context: Context) -> AsyncIterator[Tx]:
        """Commit on a normal end, roll back on an exception.

        Raises `Forbidden` when an agent's leg is no longer live, `Unavailable` when the database cannot be reached.
        """
        async with AsyncSession(self.engine, expire_on_commit=False, info={"context": context}) as session:
            tx = Tx(session, context)
            try:
                await _begin(session)
                yield tx
                await session.commit()
            except exc.DBAPIError as problem:
                raise _translated(problem) from problem
        tx.committed()

    async def close(self) -> None:
        await self.engine.dispose()


async def _begin(session: AsyncSession) -> None:
    try:
        await session.connection()
    except (OSError, exc.TimeoutError) as problem:
        raise Unavailable("The database is out of reach; try again in a moment.") from problem
    except (asyncpg.PostgresError, exc.DBAPIError) as problem:
        state = getattr(problem, "sqlstate", None) or getattr(getattr(problem, "orig", None), "sqlstate", None)
        if state in _NOT_PREPARED:
            raise Unavailable("The database is not prepared for this version: run `crewline migrate`.") from problem
        if str(state).startswith(_AWAY):
            raise Unavailable("The database is out of reach; try again in a moment.") from problem
        raise


@event.listens_for(Session, "after_begin")
def _enter_context(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    context = session.info.get("context")
    if context is None:
        raise RuntimeError("a session without a context may not begin a transaction")
    enter(connection, context)


def _engine(url: str, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args={
            "timeout": 10,
            "server_settings": {
                "application_name": "crewline",
                "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                "lock_timeout": str(LOCK_TIMEOUT_MS),
                "idle_in_transaction_session_timeout": str(IDLE_TRANSACTION_TIMEOUT_MS),
                "timezone": "UTC",
            },
        },
    )
    event.listen(engine.sync_engine, "connect", _set_codecs)
    return engine


def sqlalchemy_url(url: str) -> str:
    """postgresql://… with the asyncpg driver named."""
    _, _, rest = url.partition("://")
    return f"postgresql+asyncpg://{rest}"


def driver_url(url: str) -> str:
    """The same address for asyncpg itself."""
    _, _, rest = url.partition("://")
    return f"postgresql://{rest}"


def json_text(value: Any) -> str:
    """JSON for a jsonb column: Decimals and ids as text, never floats by accident."""
    return json.dumps(value, default=_json_default, ensure_ascii=False, separators=(",", ":"))


def _json_default(value: Any) -> str:
    if isinstance(value, Decimal | UUID):
        return str(value)
    isoformat = getattr(value, "isoformat", None)
    if isoformat is None:
        raise TypeError(f"no JSON form for {type(value).__name__}")
    return str(isoformat())


def _set_codecs(dbapi_connection: Any, _entry: ConnectionPoolEntry) -> None:
    dbapi_connection.run_async(set_codecs)


async def set_codecs(connection: asyncpg.Connection) -> None:
    """jsonb as Python objects, both ways (also for connections opened outside the pool)."""
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json_text, decoder=json.loads, format="text")


def _translated(problem: exc.DBAPIError) -> Exception:
    state = getattr(problem.orig, "sqlstate", None)
    if state == _ASSIGNMENT_ENDED:
        return Forbidden("This contact is no longer yours.", code="assignment_ended")
    if problem.connection_invalidated or isinstance(problem.orig, OSError):
        return Unavailable("The database is out of reach; try again in a moment.")
    return problem
