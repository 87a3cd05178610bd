"""`crewline up` on an empty home: it works, refuses a second one, mends itself and ends clean."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

CREWLINE = [sys.executable, "-P", "-m", "crewline_app"]
START_S, STOP_S = 90, 10


def free_port() -> int:
    """A port whose neighbour is free too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], bool], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)


class Run:
    """One `crewline up --no-demo` over a home with a space in its name."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.port = home, port
        self.output = home.parent / "up.log"
        with self.output.open("wb") as file:
            self.process = subprocess.Popen(
                [*CREWLINE, "up", "--no-demo"], env=self.environment, stdout=file, stderr=subprocess.STDOUT
            )

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "CREWLINE_HOME": str(self.home),
            "CREWLINE_PORT": str(self.port),
            "CREWLINE_DATABASE_URL": "",
        }

    def says(self, text: str) -> bool:
        assert self.process.poll() is None, self.output.read_text()
        return text in self.output.read_text()

    def command(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, **more}
        return subprocess.run([*CREWLINE, *arguments], env=environment, capture_output=True, text=True, check=False)

    def children(self) -> dict[str, int]:
        """Name of the command -> process id."""
        found = subprocess.run(
            ["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False
        ).stdout
        rows = [line.split() for line in found.splitlines() if "crewline_app" in line]
        return {row[row.index("crewline_app") + 1]: int(row[0]) for row in rows}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    tmp_path.chmod(0o755)
    home = tmp_path / "a home"
    started = Run(home, free_port())
    yield started
    if started.process.poll() is None:
        started.process.terminate()
        started.process.wait(30)


def test_up_from_nothing_to_a_clean_end(run: Run) -> None:
    until(lambda: run.says("Ready after"), START_S)
    assert httpx.get(f"http://127.0.0.1:{run.port}/health/ready", trust_env=False).json() == {"status": "ready"}
    assert set(run.children()) == {"serve", "worker", "dispatcher"}

    again = run.command("up", "--no-demo")
    assert (again.returncode, again.stdout) == (2, "")
    assert "already" in again.stderr
    busy = run.command("up", "--no-demo", CREWLINE_HOME=str(run.home.parent / "other"))
    assert busy.returncode == 2
    assert f"Port {run.port} is in use" in busy.stderr
    assert not (run.home.parent / "other" / "pg").exists(), "nothing was started"

    well = run.command("doctor", "--format", "json")
    statuses = {line["check"]: line["status"] for line in json.loads(well.stdout)}
    assert well.returncode == 0, well.stdout
    assert statuses["port"] == "ok"

    killed = run.children()["worker"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: run.says("worker ended (killed by SIGKILL); starting it again in 1 s."), 10)
    until(lambda: run.children().get("worker", killed) != killed, 10)

    children = run.children()
    run.process.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert run.process.wait(30) == 0
    assert time.monotonic() - began < STOP_S
    assert not any(alive(pid) for pid in children.values())
    assert not (run.home / "pg" / "data" / "postmaster.pid").exists(), "the database ended with it"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
