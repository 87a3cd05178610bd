"""Is this installation well? Each check says what it found and, where something is wrong, what mends it."""

import errno
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import asyncpg

from crewline_app import store, subscriptions
from crewline_app.startup import newest_revision, port_problem
from crewline_app.up_lock import running_here
from crewline_app.wiring import administrator_url, open_database
from crewline_infra import catalogue, outbox
from crewline_infra.clock import Clock, ms_between
from crewline_infra.db import driver_url
from crewline_infra.errors import CrewlineError
from crewline_infra.migrate import NEWEST, OLDEST
from crewline_infra.settings import Settings
from crewline_infra.tenancy import Context, Role
from crewline_web.assets import STATIC

Status = Literal["ok", "warn", "fail"]
DISK_LOW_BYTES, DISK_FULL_BYTES = 2 * 1024**3, 256 * 1024**2
SKEW_WARN_MS, SKEW_FAIL_MS = 1_000, 30_000
HORIZON_WARN_MS, HORIZON_FAIL_MS = 60_000, 600_000
PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix` is empty when all is well."""

    check: str
    status: Status
    detail: str
    fix: str = ""


async def examine(settings: Settings, clock: Clock) -> list[Finding]:
    """Every check, in the order in which things depend on each other. Changes nothing."""
    found = [_python(), _home(settings), _secrets(settings), _disk(settings), _port(settings), _assets(), _zones()]
    if settings.database_url is None and not (settings.home / "pg" / "data" / "PG_VERSION").exists():
        fix = "run `crewline up`, or `crewline migrate` for a database without demonstration data"
        return [*found, Finding("database", "fail", "there is none in this home yet", fix)]
    return found + await _database(settings, clock)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON:
        return Finding("python", "fail", version, "install Python 3.11 or newer")
    return Finding("python", "ok", version)


def _home(settings: Settings) -> Finding:
    here = settings.home
    while not here.exists():
        here = here.parent
    if not os.access(here, os.W_OK | os.X_OK):
        return Finding("home", "fail", f"{settings.home} cannot be written", "change its owner or set CREWLINE_HOME")
    return Finding("home", "ok", str(settings.home))


def _secrets(settings: Settings) -> Finding:
    folder = settings.secrets_folder
    if folder.exists() and folder.stat().st_mode & 0o077:
        return Finding("secrets", "fail", "others may read the secrets folder", f"chmod -R go= {folder}")
    return Finding("secrets", "ok", "only their owner reads them" if folder.exists() else "none yet")


def _disk(settings: Settings) -> Finding:
    here = settings.home
    while not here.exists():
        here = here.parent
    free = shutil.disk_usage(here).free
    detail = f"{free / 1024**3:.1f} GB free"
    if free < DISK_FULL_BYTES:
        return Finding("disk", "fail", detail, "free some space: the database stops accepting changes soon")
    if free < DISK_LOW_BYTES:
        return Finding("disk", "warn", detail, "free some space")
    return Finding("disk", "ok", detail)


def _port(settings: Settings) -> Finding:
    where = f"{settings.host}:{settings.port}"
    problem = port_problem(settings.host, settings.port)
    if problem is None:
        return Finding("port", "ok", f"{where} is free")
    if problem.errno != errno.EADDRINUSE:
        reason = problem.strerror or type(problem).__name__
        return Finding("port", "fail", f"{where} cannot be used: {reason}", "correct CREWLINE_HOST or CREWLINE_PORT")
    if running_here(settings):
        return Finding("port", "ok", f"{where} is used by this installation")
    return Finding("port", "warn", f"{where} is in use", "stop what uses it, or set CREWLINE_PORT")


def _assets() -> Finding:
    if (STATIC / "vendor" / "manifest.json").exists():
        return Finding("web files", "ok", "present")
    return Finding("web files", "fail", "scripts and fonts of the pages are missing", "run `./dev setup`")


def _zones() -> Finding:
    """Two clock changes that have to be known: one of the demonstration's country, one of the tests'."""
    summer = datetime(1999, 6, 1, tzinfo=UTC).astimezone(ZoneInfo("Asia/Jerusalem")).utcoffset()
    winter = datetime(1999, 1, 1, tzinfo=UTC).astimezone(ZoneInfo("Asia/Jerusalem")).utcoffset()
    if summer == winter:
        return Finding("time zones", "fail", "clock changes are unknown", "reinstall the tzdata package")
    return Finding("time zones", "ok", "clock changes are known")


async def _database(settings: Settings, clock: Clock) -> list[Finding]:
    try:
        async with _administrator(settings) as connection:
            found = [_version(connection), await _skew(connection, clock), await _schema(connection)]
            if found[-1].status == "ok":
                found.append(await _walls(connection))
                found.append(await _restored(connection))
                found.append(await _jobs(connection))
    except CrewlineError as problem:
        return [Finding("database", "fail", problem.message, "start it, or correct CREWLINE_DATABASE_URL")]
    except (OSError, asyncpg.PostgresError, TimeoutError) as problem:
        detail = str(problem) or type(problem).__name__
        return [Finding("database", "fail", detail, "start it, or correct CREWLINE_DATABASE_URL")]
    if all(finding.status != "fail" for finding in found):
        found += await _logins(settings)
    return found


@asynccontextmanager
async def _administrator(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    async with administrator_url(settings) as url:
        connection = await asyncpg.connect(driver_url(url), timeout=10)
        try:
            yield connection
        finally:
            await connection.close()


def _version(connection: asyncpg.Connection) -> Finding:
    major = connection.get_server_version().major
    if not OLDEST <= major <= NEWEST:
        return Finding("database", "fail", f"PostgreSQL {major}", f"use PostgreSQL {OLDEST} to {NEWEST}")
    return Finding("database", "ok", f"PostgreSQL {major} answers")


async def _skew(connection: asyncpg.Connection, clock: Clock) -> Finding:
    skew_ms = abs(ms_between(await connection.fetchval("select clock_timestamp()"), clock.now()))
    detail = f"{skew_ms} ms between this machine and the database"
    fix = "keep both clocks by NTP"
    if skew_ms > SKEW_FAIL_MS:
        return Finding("clock", "fail", detail, fix)
    return Finding("clock", "warn", detail, fix) if skew_ms > SKEW_WARN_MS else Finding("clock", "ok", detail)


async def _schema(connection: asyncpg.Connection) -> Finding:
    installed, newest = await store.installed_revision(connection), newest_revision()
    if installed != newest:
        detail = f"revision {installed or 'none'}, this version needs {newest}"
        return Finding("schema", "fail", detail, "run `crewline migrate`")
    return Finding("schema", "ok", f"revision {newest}")


async def _walls(connection: asyncpg.Connection) -> Finding:
    holes = await catalogue.violations(connection)
    if holes:
        return Finding("tenant walls", "fail", " ".join(holes), "undo what was changed by hand, or restore a backup")
    return Finding("tenant walls", "ok", "every tenant-owned table is closed")


async def _restored(connection: asyncpg.Connection) -> Finding:
    """After a dump was restored into a new cluster, its transaction numbers begin lower than the events'."""
    ahead = await store.events_ahead(connection)
    if ahead:
        fix = "restore with a physical backup, or advance the transaction counter (pg_resetwal -x)"
        return Finding("event order", "fail", f"{ahead} events are from another cluster's future", fix)
    return Finding("event order", "ok", "events are of this cluster")


async def _jobs(connection: asyncpg.Connection) -> Finding:
    held = await store.jobs_held(connection)
    if held:
        fix = "read their message in job_run, mend the cause, then retry them"
        return Finding("jobs", "warn", f"{held} are held", fix)
    return Finding("jobs", "ok", "none is held")


async def _logins(settings: Settings) -> list[Finding]:
    found = [await _login(settings, "web", Role.AUTH), await _login(settings, "worker", Role.WORKER)]
    return [*found, await _outbox(settings)] if found[-1].status == "ok" else found


async def _login(settings: Settings, login: str, role: Role) -> Finding:
    name = f"login {login}"
    try:
        async with open_database(settings, login, pool_size=1) as database:
            async with database.transaction(Context(role)) as tx:
                await tx.value("select 1")
    except Exception as problem:  # whatever it is, this line says it
        fix = "run `crewline migrate`: it sets the passwords of this home"
        return Finding(name, "fail", f"cannot work: {type(problem).__name__}", fix)
    return Finding(name, "ok", "works")


async def _outbox(settings: Settings) -> Finding:
    async with open_database(settings, "worker", pool_size=1) as database:
        backlog = await outbox.backlog(database, subscriptions.CONSUMER)
    if backlog.horizon_age_ms > HORIZON_WARN_MS:
        status: Status = "fail" if backlog.horizon_age_ms > HORIZON_FAIL_MS else "warn"
        detail = f"events wait {backlog.horizon_age_ms // 1000} s for an open transaction"
        return Finding("event feed", status, detail, "find it in pg_stat_activity by xact_start, and end it")
    if backlog.parked:
        fix = "read event_parked, mend the cause, then run `crewline worker --retry-parked`"
        return Finding("event feed", "warn", f"{backlog.parked} events are set aside", fix)
    return Finding("event feed", "ok", f"{len(backlog.tenants)} tenants have events waiting")
