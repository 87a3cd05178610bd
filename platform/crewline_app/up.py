"""crewline up: a whole installation on one machine, step by step, until it is told to stop."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from crewline_app.demo import crm_setup, seed
from crewline_app.processes import on_stop
from crewline_app.startup import ensure_port_free
from crewline_app.supervisor import Program, Supervisor
from crewline_app.wiring import administrator_url, migrate_database, open_database
from crewline_infra.clock import monotonic_ms
from crewline_infra.errors import Unavailable
from crewline_infra.settings import Settings

READY_MS = 60_000
ASK_AGAIN_MS = 200


def say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


@dataclass
class Steps:
    """Numbered, one line each, with the time it took."""

    total: int
    _n: int = field(default=0)

    @property
    def _back(self) -> str:
        return "\r" if sys.stdout.isatty() else ""

    async def step(self, name: str, work: Callable[[], Awaitable[str]]) -> None:
        self._n += 1
        head = f"[{self._n}/{self.total}] {name}"
        sys.stdout.write(f"{head} …" if sys.stdout.isatty() else "")
        sys.stdout.flush()
        began_ms = monotonic_ms()
        try:
            detail = await work()
        except BaseException:
            say(f"{self._back}{head}: not done")
            raise
        say(f"{self._back}{head}: {detail} ({(monotonic_ms() - began_ms) / 1000:.1f} s)")


async def up(settings: Settings, *, demo: bool) -> None:
    """Until SIGTERM or Ctrl-C. Raises `Conflict` for a busy port, before anything is started."""
    crm_port = crm_setup.default_port(settings)
    ensure_port_free(settings.host, settings.port, "the web process", "CREWLINE_PORT")
    if demo:
        ensure_port_free("127.0.0.1", crm_port, "the demonstration CRM", "CREWLINE_PORT")
    stopping = asyncio.Event()
    on_stop(stopping.set)
    async with AsyncExitStack() as stack:
        supervisor = Supervisor(settings.home / "logs", _environment(settings, demo=demo), say)
        installation = Installation(settings, crm_port, demo, Steps(5 if demo else 3), supervisor)
        await _unless(stopping, installation.start(stack))
        await stopping.wait()
    say("Stopped.")


async def _unless(stopping: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do it, or give it up when the word to stop comes first."""
    doing, told = asyncio.create_task(work), asyncio.create_task(stopping.wait())
    await asyncio.wait({doing, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not doing.done():
        doing.cancel()
        await asyncio.gather(doing, return_exceptions=True)
        return
    await doing


async def _end(supervisor: Supervisor) -> None:
    if supervisor.started:
        say("\nStopping …")
        await supervisor.stop()


@dataclass
class Installation:
    settings: Settings
    crm_port: int
    demo: bool
    steps: Steps
    supervisor: Supervisor

    async def start(self, stack: AsyncExitStack) -> None:
        began_ms = monotonic_ms()
        await self.steps.step("Database", lambda: self._database(stack))
        await self.steps.step("Schema", self._schema)
        if self.demo:
            await self.steps.step("Demonstration data", self._seed)
            await self.steps.step("A CRM for each tenant", self._crm)
        await self.steps.step("Processes", self._processes)
        say(_welcome(self.settings, self.crm_port, demo=self.demo))
        say(f"Ready after {(monotonic_ms() - began_ms) / 1000:.0f} s. Ctrl-C stops everything.")

    async def _database(self, stack: AsyncExitStack) -> str:
        """Entered here and left last: the processes are ended before it, so that nobody still uses it."""
        await stack.enter_async_context(administrator_url(self.settings))
        stack.push_async_callback(_end, self.supervisor)
        return "your server" if self.settings.database_url else "embedded PostgreSQL"

    async def _schema(self) -> str:
        await migrate_database(self.settings)
        return "at this version"

    async def _seed(self) -> str:
        return await seed.seed(self.settings)

    async def _crm(self) -> str:
        async with open_database(self.settings, "worker", pool_size=2) as database:
            added = await crm_setup.connect(database, self.settings, self.crm_port)
        return f"{added} added"

    async def _processes(self) -> str:
        programs = [
            Program("web", ["serve"]),
            Program("worker", ["worker"]),
            Program("dispatcher", ["dispatcher", *(["--simulate"] if self.demo else [])]),
            *([Program("demo-crm", ["demo-crm", "--port", str(self.crm_port)])] if self.demo else []),
        ]
        self.supervisor.start(programs)
        await self._ready()
        return ", ".join(program.name for program in programs)

    async def _ready(self) -> None:
        deadline_ms = monotonic_ms() + READY_MS
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            while monotonic_ms() < deadline_ms:
                with suppress(httpx.HTTPError):
                    if (await client.get(f"{_local(self.settings)}/health/ready")).is_success:
                        return
                await asyncio.sleep(ASK_AGAIN_MS / 1000)
        raise Unavailable(f"The web process does not answer; see {self.settings.home / 'logs' / 'web.log'}.")


def _environment(settings: Settings, *, demo: bool) -> dict[str, str]:
    """What the processes must see as this one does."""
    given = {
        "CREWLINE_HOME": str(settings.home),
        "CREWLINE_HOST": settings.host,
        "CREWLINE_PORT": str(settings.port),
    }
    if demo:
        given |= {"CREWLINE_DEMO": "true", "CREWLINE_ALLOW_LOOPBACK_WEBHOOKS": "true"}
    return given


def _local(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - recognised, not bound
    return f"http://{host}:{settings.port}"


def _welcome(settings: Settings, crm_port: int, *, demo: bool) -> str:
    lines = ["", f"  {settings.base_url}/", ""]
    if demo:
        who, email = (max(len(getattr(login, name)) for login in seed.LOGINS) for name in ("who", "email"))
        lines += [
            f"  {login.who:{who}}  {login.email:{email}}  {login.password}  {settings.base_url}{login.path}"
            for login in seed.LOGINS
        ]
        lines += ["", f"  What the tenants' CRMs received: http://127.0.0.1:{crm_port}/"]
    else:
        lines += ["  The first administrator: crewline people add --email you@example.com --role admin", ""]
    lines += [f"  Logs: {settings.home / 'logs'}", ""]
    return "\n".join(lines)
