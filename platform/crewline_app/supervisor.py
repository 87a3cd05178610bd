"""Keeps the processes of one machine running: starts them, starts a dead one again, ends all of them."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crewline_infra.clock import monotonic_ms

FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 1_000, 30_000
SETTLED_MS = 60_000
"""A process that lived this long has earned a short pause again."""
STOP_MS = 8_000
SWEEPS, SWEEP_MS = 50, 20
COMMAND = (sys.executable, "-P", "-m", "crewline_app")
_PR_SET_PDEATHSIG = 1

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Program:
    """`arguments` go to `crewline`; the output goes to logs/{name}.log."""

    name: str
    arguments: Sequence[str]


class Supervisor:
    """`say` is told, in a sentence each, what a person at the terminal should know."""

    def __init__(
        self, logs: Path, environment: Mapping[str, str], say: Say, *, command: Sequence[str] = COMMAND
    ) -> None:
        self._command = command
        self._logs = logs
        self._environment = {**os.environ, **environment}
        self._say = say
        self._keepers: list[asyncio.Task[None]] = []
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()

    def start(self, programs: Sequence[Program]) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._keepers = [asyncio.create_task(self._keep(program)) for program in programs]

    @property
    def started(self) -> bool:
        return bool(self._keepers)

    async def stop(self) -> None:
        """Ask all of them to end, and end those that do not within a few seconds."""
        self._stopping.set()
        for process in self._running.values():
            _signal(process, signal.SIGTERM)
        _done, late = await asyncio.wait(self._keepers, timeout=STOP_MS / 1000)
        for name, process in self._running.items():
            if process.returncode is None:
                self._say(f"{name} did not end in time and was killed.")
                _signal(process, signal.SIGKILL)
        await asyncio.gather(*late)

    async def _keep(self, program: Program) -> None:
        pause_ms = FIRST_PAUSE_MS
        while not self._stopping.is_set():
            began_ms = monotonic_ms()
            code = await self._run(program)
            if self._stopping.is_set():
                return
            pause_ms = FIRST_PAUSE_MS if monotonic_ms() - began_ms > SETTLED_MS else pause_ms
            log = self._logs / f"{program.name}.log"
            self._say(f"{program.name} ended ({_ending(code)}); starting it again in {pause_ms // 1000} s. See {log}.")
            await self._pause(pause_ms)
            pause_ms = min(2 * pause_ms, LONGEST_PAUSE_MS)

    async def _run(self, program: Program) -> int:
        with (self._logs / f"{program.name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *program.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,  # Ctrl-C reaches us alone; we end the others in order
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        self._running[program.name] = process
        if self._stopping.is_set():
            _signal(process, signal.SIGTERM)
        code = await process.wait()
        await _sweep(process.pid)
        return code

    async def _pause(self, ms: int) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), ms / 1000)
        except TimeoutError:
            return


def _end_with_parent() -> None:
    """A supervisor that is killed outright takes its processes along."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def _sweep(group: int) -> None:
    """End what a process left behind: its own children would keep the port and the database's lock."""
    for _ in range(SWEEPS):
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
        await asyncio.sleep(SWEEP_MS / 1000)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    if process.returncode is None:
        process.send_signal(number)


def _ending(code: int) -> str:
    return f"code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
