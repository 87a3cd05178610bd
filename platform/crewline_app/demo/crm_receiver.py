"""A strict little CRM on loopback: the demonstration's other side, and the double of the tests.

It does what the documentation asks of a receiver: verifies the signature and the time, takes each
webhook-id once, answers 204. It can be told to fail, to see that nothing is lost and nothing is
taken twice. What it holds is shown at GET / as JSON.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

from crewline_infra.clock import Clock
from crewline_tenants.crm import rules

Failure = Literal["500", "429", "410", "302", "slow", "drop"]
FAILURES: frozenset[str] = frozenset({"500", "429", "410", "302", "slow", "drop"})
HOOKS = "/hooks/"
KEPT = 1_000
HEAD_BYTES_MAX = 16 * 1024
SLOW_S = 60

KeyOf = Callable[[str], bytes | None]


@dataclass(slots=True)
class Desk:
    """What one tenant's CRM holds: each webhook-id once, in the order of arrival."""

    taken: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeated: int = 0
    refused: int = 0
    failed_on_request: int = 0

    def take(self, webhook_id: str, payload: dict[str, Any]) -> None:
        if webhook_id in self.taken:
            self.repeated += 1
        else:
            self.taken[webhook_id] = payload

    def shown(self) -> dict[str, Any]:
        latest = list(self.taken.items())[-KEPT:]
        return {
            "received": len(self.taken),
            "repeated_and_ignored": self.repeated,
            "refused": self.refused,
            "failed_on_request": self.failed_on_request,
            "latest": [{"webhook_id": key, **payload} for key, payload in reversed(latest)],
        }


class CrmReceiver:
    """`key_of(name)` gives the signing key of the hook /hooks/{name}, None when there is none."""

    def __init__(self, key_of: KeyOf, clock: Clock) -> None:
        self._key_of = key_of
        self._clock = clock
        self._failures: dict[str, deque[Failure]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.desks: dict[str, Desk] = {}
        self.in_flight = 0
        self.in_flight_max = 0

    async def start(self, port: int = 0) -> int:
        """Listen on loopback; returns the port."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port, limit=HEAD_BYTES_MAX)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server:
            await self._server.wait_closed()

    def fail(self, name: str, failure: Failure, times: int = 1) -> None:
        """The next `times` deliveries to this hook fail this way."""
        self._failures.setdefault(name, deque()).extend([failure] * times)

    def clear(self, name: str) -> None:
        """Forget the failures that are still to come."""
        self._failures.pop(name, None)

    def desk(self, name: str) -> Desk:
        return self.desks.setdefault(name, Desk())

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._converse(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # A caller that goes away or speaks nonsense gets no answer.
            with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request_line, *lines = head.rstrip().split("\r\n")
        method, target, _ = request_line.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        status, extra, content = await self._answer(method, target, headers, body)
        if status == 0:
            return False
        writer.write(_response(status, extra, content))
        await writer.drain()
        return True

    async def _answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Status 0 stands for hanging up without a word."""
        parts = urlsplit(target)
        if method == "GET" and parts.path == "/":
            shown = {name: desk.shown() for name, desk in sorted(self.desks.items())}
            return 200, {}, json.dumps(shown, ensure_ascii=False, indent=2).encode()
        if method == "POST" and parts.path == "/fail":
            return self._told_to_fail(parts.query)
        if method == "POST" and parts.path.startswith(HOOKS):
            return await self._delivered(parts.path.removeprefix(HOOKS), headers, body)
        return 404, {}, b""

    def _told_to_fail(self, query: str) -> tuple[int, dict[str, str], bytes]:
        given = {name: values[0] for name, values in parse_qs(query).items()}
        how, times = given.get("how", ""), given.get("times", "1")
        if how not in FAILURES or "hook" not in given or not times.isdecimal():
            return 422, {}, b'{"detail": "give hook, how (500 429 410 302 slow drop) and times"}'
        self.fail(given["hook"], how, int(times[:4]))  # type: ignore[arg-type]  # checked above
        return 204, {}, b""

    async def _delivered(self, name: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)
        try:
            return await self._received(name, headers, body)
        finally:
            self.in_flight -= 1

    async def _received(self, name: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        key = self._key_of(name)
        if key is None:
            return 404, {}, b""
        desk = self.desk(name)
        if not rules.verified(key, headers, body, self._clock.now()):
            desk.refused += 1
            return 401, {}, b""
        if self._failures.get(name):
            desk.failed_on_request += 1
            return await self._failing(self._failures[name].popleft())
        desk.take(headers["webhook-id"], json.loads(body))
        return 204, {}, b""

    async def _failing(self, how: Failure) -> tuple[int, dict[str, str], bytes]:
        if how == "drop":
            return 0, {}, b""
        if how == "slow":
            await asyncio.sleep(SLOW_S)
            return 0, {}, b""
        extra = {"429": {"retry-after": "30"}, "302": {"location": "http://169.254.169.254/"}}
        return int(how), extra.get(how, {}), b""


def _response(status: int, extra: dict[str, str], content: bytes) -> bytes:
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-type: application/json",
        *([] if status == HTTPStatus.NO_CONTENT else [f"content-length: {len(content)}"]),
        *(f"{name}: {value}" for name, value in extra.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content
