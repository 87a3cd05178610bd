"""A whole installation, started by its own command, and a real browser in front of it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.async_api import BrowserContext, Page, async_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
AXE = REPOSITORY / "infra" / "web" / "node_modules" / "axe-core" / "axe.min.js"
EXAMINED: set[Page] = set()
"""Pages in which axe works now."""
READY_S, STOP_S = 180, 30
PASSWORD = "crewline-demo"  # noqa: S105 - what `crewline up` prints
QUIET = (
    "--no-sandbox --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-gpu"
).split()


@dataclass(frozen=True)
class Installation:
    home: Path
    port: int
    process: subprocess.Popen[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "CREWLINE_HOME": str(self.home), "CREWLINE_PORT": str(self.port), "CI": "1"}

    def crewline(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("crewline")), *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def crm(self) -> Any:
        """What the demonstration CRMs have received."""
        with urlopen(f"http://127.0.0.1:{self.port + 1}/") as answer:
            return json.load(answer)


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """`crewline up` with its generated history, in a path with a space."""
    home = tmp_path_factory.mktemp("a home")
    port = _two_free_ports()
    environment = {**os.environ, "CREWLINE_HOME": str(home), "CREWLINE_PORT": str(port), "CI": "1"}
    command = [str(Path(sys.executable).with_name("crewline")), "up"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    running = Installation(home, port, process)
    try:
        _until_ready(running)
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        try:
            code = process.wait(timeout=STOP_S)
        finally:
            process.kill()
            assert process.stdout is not None
            process.stdout.close()
    assert code == 0, "Ctrl-C must stop everything clean"


def _until_ready(running: Installation) -> None:
    assert running.process.stdout is not None
    deadline, said = time.monotonic() + READY_S, ""
    for line in running.process.stdout:
        said += line
        if line.startswith("Ready"):
            return
        assert time.monotonic() < deadline, said
    pytest.fail(f"crewline up ended:\n{said}")


def _two_free_ports() -> int:
    """The pages' port; the demonstration CRM takes the next one."""
    for port in range(21_000, 60_000, 2):
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    raise AssertionError("no free ports")


@dataclass
class Watch:
    """What a page did that it must not do."""

    faults: list[str]

    def follow(self, page: Page, home: str) -> None:
        page.on("request", lambda request: self._outside(request.url, home))
        page.on("console", lambda message: page in EXAMINED or self._said(message.type, message.text))
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))

    def _outside(self, url: str, home: str) -> None:
        if not url.startswith((home, "data:", "blob:")):
            self.faults.append(f"asked {url}")

    def _said(self, kind: str, text: str) -> None:
        if kind == "error" and "status of 40" not in text:
            self.faults.append(f"console: {text}")


OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def open_page(installation: Installation) -> AsyncIterator[OpenPage]:
    """`page = await open_page("finance@crewline.example", locale="zh-CN")`: a browser of one's own, logged in."""
    watch = Watch([])
    async with _browser() as new_context:

        async def opened(login: str | None = None, **options: Any) -> Page:
            context = await new_context(**options)
            page = await context.new_page()
            watch.follow(page, installation.url)
            if login is not None:
                await page.goto(f"{installation.url}/login")
                await page.fill("input[name=login]", login)
                await page.fill("input[name=password]", PASSWORD)
                await page.press("input[name=password]", "Enter")
                await page.wait_for_url(lambda url: "/login" not in url)
            return page

        yield opened
    assert watch.faults == []


@asynccontextmanager
async def _browser() -> AsyncIterator[Callable[..., Awaitable[BrowserContext]]]:
    executable = os.environ.get("CREWLINE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert executable, "no Chromium: ./dev test installs it"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=QUIET)

        async def new_context(**options: Any) -> BrowserContext:
            settings = {"viewport": {"width": 1440, "height": 900}, "locale": "en", **options}
            return await browser.new_context(**settings)

        try:
            yield new_context
        finally:
            await browser.close()


async def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 A and AA, one line each. That it styles things is not the page's fault."""
    EXAMINED.add(page)
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found = await page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
        ".then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target.join(' ')).join(', ')))"
    )
    EXAMINED.discard(page)
    return list(found)
