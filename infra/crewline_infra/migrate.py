"""Bring a database to this version: roles, logins, schema, then every migration under the owner's role."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
from alembic import command, op
from alembic.config import Config
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from crewline_infra.db import driver_url, sqlalchemy_url
from crewline_infra.errors import Unavailable
from crewline_infra.policies import OWNER
from crewline_infra.tenancy import Role

OLDEST, NEWEST = 15, 18
LOCK_TIMEOUT_MS = 5_000
_ONE_AT_A_TIME = 0x43524557  # "CREW": one migration at a time per database


@dataclass(frozen=True, slots=True)
class Logins:
    """Passwords of the two logins that the processes use."""

    web: str
    worker: str


def run(statements: Sequence[str]) -> None:
    """Execute each statement as a message of its own (Citus refuses several DDL commands in one)."""
    for statement in statements:
        op.execute(text(statement.replace(":", r"\:")))


def folder() -> Path:
    """Where the migrations lie: beside the package in a checkout, inside it in a wheel."""
    here = Path(__file__).resolve().parent
    beside = here.parent / "migrations"
    return beside if beside.is_dir() else here / "migrations"


def login_url(admin_url: str, login: str, password: str) -> str:
    """The address of the same database under one of the product's logins ('web' or 'worker')."""
    parts = urlsplit(driver_url(admin_url))
    host = parts.netloc.rpartition("@")[2]
    name = login_name(login, parts.path.lstrip("/"))
    return urlunsplit(parts._replace(netloc=f"{quote(name)}:{quote(password)}@{host}"))


def login_name(login: str, database: str) -> str:
    """Logins belong to one database, so that two installations can share a server."""
    return f"crewline_{login}_{re.sub(r'[^a-z0-9_]', '_', database.lower())}"[:63]


async def migrate(admin_url: str, logins: Logins, revision: str = "head") -> None:
    """Idempotent. Raises `Unavailable` when the server cannot be used, saying why."""
    admin = await _connect(admin_url)
    try:
        await _check_version(admin)
        async with admin.transaction():
            await admin.execute("select pg_advisory_xact_lock($1)", _ONE_AT_A_TIME)
            await _prepare(admin, logins)
    except asyncpg.InsufficientPrivilegeError as problem:
        raise Unavailable(
            f"The login of CREWLINE_DATABASE_URL may not prepare the database ({problem}); "
            "it has to own the database, with the rights CREATEROLE and CREATEDB."
        ) from problem
    finally:
        await admin.close()
    await _upgrade(admin_url, revision)
    admin = await _connect(admin_url)
    try:
        await _let_logins_in(admin)
    finally:
        await admin.close()


async def _connect(admin_url: str) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(driver_url(admin_url), timeout=10)
    except (OSError, asyncpg.PostgresError, TimeoutError, ValueError) as problem:
        reason = str(problem) or type(problem).__name__
        raise Unavailable(f"The database cannot be reached: {reason}.") from problem


async def _check_version(admin: asyncpg.Connection) -> None:
    major = admin.get_server_version().major
    if not OLDEST <= major <= NEWEST:
        raise Unavailable(f"PostgreSQL {major} is not supported; use a version from {OLDEST} to {NEWEST}.")


async def _prepare(admin: asyncpg.Connection, logins: Logins) -> None:
    for name in (OWNER, *(role.value for role in Role)):
        await _ensure_role(admin, name, "nologin noinherit")
    database = await admin.fetchval("select current_database()")
    passwords = {"web": logins.web, "worker": logins.worker}
    for login, password in passwords.items():
        name = login_name(login, database)
        await _ensure_role(admin, name, "login noinherit")
        await admin.execute(f"alter role {name} password '{_quoted(password)}'")
        for role in Role:
            await admin.execute(f"grant {role.value} to {name}")
    await admin.execute(f"grant {OWNER} to current_user")
    await admin.execute("revoke create on schema public from public")
    for schema in ("app", "jobs"):
        await admin.execute(f"create schema if not exists {schema} authorization {OWNER}")
    await admin.execute(f"grant usage, create on schema public to {OWNER}")
    everyone = ", ".join(role.value for role in Role)
    await admin.execute(f"grant usage on schema public, app to {everyone}")
    await admin.execute(f'revoke temporary on database "{database}" from public')
    await admin.execute(f'grant temporary on database "{database}" to {Role.WORKER.value}')


async def _ensure_role(admin: asyncpg.Connection, name: str, options: str) -> None:
    if await admin.fetchval("select 1 from pg_roles where rolname = $1", name) is None:
        await admin.execute(f"create role {name} {options}")


async def _let_logins_in(admin: asyncpg.Connection) -> None:
    database = await admin.fetchval("select current_database()")
    for login in ("web", "worker"):
        name = login_name(login, database)
        await admin.execute(f"grant usage on schema app to {name}")
        await admin.execute(f"grant execute on function app.enter(text, uuid, uuid, uuid, text) to {name}")


async def _upgrade(admin_url: str, revision: str) -> None:
    engine = create_async_engine(sqlalchemy_url(admin_url), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.exec_driver_sql(f"set role {OWNER}")
            await connection.exec_driver_sql(f"set lock_timeout = {LOCK_TIMEOUT_MS}")
            await connection.commit()
            await connection.run_sync(_alembic, revision)
    finally:
        await engine.dispose()


def _alembic(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _quoted(value: str) -> str:
    return value.replace("'", "''")
