"""Processes that die, that will not end, and that leave children behind."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from itertools import count as forever
from pathlib import Path

import pytest

from crewline_app import supervisor
from crewline_app.supervisor import Program, Supervisor


class Told:
    """What the person at the terminal was told, and the supervisor that says it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sentences: list[str] = []
        self.keeper = Supervisor(
            folder / "logs", {"FOLDER": str(folder)}, self.sentences.append, command=[sys.executable, "-c"]
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            for _ in forever():
                if condition():
                    return
                await asyncio.sleep(0.02)

    def wrote(self, name: str) -> bool:
        return (self.folder / name).exists() and bool((self.folder / name).read_text())

    def number(self, name: str) -> int:
        return int((self.folder / name).read_text())


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    made = Told(tmp_path)
    yield made
    await made.keeper.stop()


WAITING = """
import os, pathlib, signal, time
pathlib.Path(os.environ["FOLDER"], "pid").write_text(str(os.getpid()))
time.sleep(60)
"""


async def test_a_dead_process_is_started_again_and_it_is_said(told: Told) -> None:
    told.keeper.start([Program("one", [WAITING])])
    await told.until(lambda: told.wrote("pid"))
    first = told.number("pid")
    os.kill(first, signal.SIGKILL)
    await told.until(lambda: told.number("pid") != first)
    assert told.sentences == [
        f"one ended (killed by SIGKILL); starting it again in 1 s. See {told.folder / 'logs' / 'one.log'}."
    ]


async def test_a_process_that_cannot_start_is_tried_ever_more_seldom(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_MS", 2)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_MS", 8)
    paused: list[int] = []

    async def pause(_self: Supervisor, ms: int) -> None:
        paused.append(ms)

    monkeypatch.setattr(Supervisor, "_pause", pause)
    told.keeper.start([Program("one", ["raise SystemExit(3)"])])
    await told.until(lambda: len(paused) >= 5)
    assert paused[:5] == [2, 4, 8, 8, 8]
    assert "ended (code 3)" in told.sentences[0]


async def test_a_process_that_will_not_end_is_killed(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STOP_MS", 300)
    stubborn = WAITING.replace("time.sleep", "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep")
    stubborn = stubborn.replace("pathlib.Path", "signal.signal(signal.SIGTERM, signal.SIG_IGN); pathlib.Path")
    told.keeper.start([Program("stubborn", [stubborn])])
    await told.until(lambda: told.wrote("pid"))
    await told.keeper.stop()
    assert told.sentences == ["stubborn did not end in time and was killed."]
    assert not alive(told.number("pid"))


PARENT = """
import os, pathlib, subprocess, sys, time
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", code])
pathlib.Path(os.environ["FOLDER"], "child").write_text(str(child.pid))
time.sleep(60)
"""


async def test_what_a_process_leaves_behind_is_ended_with_it(told: Told) -> None:
    told.keeper.start([Program("parent", [PARENT])])
    await told.until(lambda: told.wrote("child"))
    await told.keeper.stop()
    assert not alive(told.number("child"))


def alive(pid: int) -> bool:
    """A zombie whose new parent is slow to collect it does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
