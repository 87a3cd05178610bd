"""Live fan-out in one web process: what changed is read and encoded once, and every viewer gets it.

A viewer that is slower than the changes misses frames, never order: it always gets the newest one.
The hub listens for hints and reads at least every two seconds besides, so a lost hint costs freshness
for a moment and nothing else. It starts with the first viewer.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

import msgspec
from litestar import Litestar
from litestar.datastructures import State

from crewline_floor.board import service
from crewline_floor.hints import listen
from crewline_infra.db import Database
from crewline_infra.log import get_logger
from crewline_infra.tenancy import Context, Role

HEARTBEAT_S = 15.0
POLL_S = 2.0
QUIET_S = 0.25
"""Between two readings of the board, however many hints come."""
STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_CONTEXT = Context(Role.OPS, request_id="board")
_log = get_logger("board")


class Hub:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.closing = False
        self._frame = b""
        self._board_body = b""
        self._changed = asyncio.Condition()
        self._version = 0
        self._agents: dict[UUID, asyncio.Event] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def board_frames(self, *, heartbeat_s: float = HEARTBEAT_S) -> AsyncIterator[bytes]:
        """Server-sent events: 'board' at once and on each change, ': keep' between, 'shutdown' at the end."""
        self._start()
        seen = 0
        while not self.closing:
            if self._version == seen:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._next(seen), heartbeat_s)
            if self._version == seen:
                yield b": keep\n\n"
                continue
            seen = self._version
            if self._frame:
                yield self._frame
        yield b"event: shutdown\nretry: 1000\ndata: {}\n\n"

    async def agent_changed(self, agent_id: UUID, timeout_s: float) -> bool:
        """Wait until something of this agent changed; False when the time ran out."""
        self._start()
        event = self._agents.setdefault(agent_id, asyncio.Event())
        try:
            await asyncio.wait_for(event.wait(), timeout_s)
        except TimeoutError:
            return False
        event.clear()
        return True

    async def stop(self) -> None:
        self.closing = True
        for event in self._agents.values():
            event.set()
        async with self._changed:
            self._changed.notify_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def _start(self) -> None:
        if not self._tasks and not self.closing:
            self._tasks = [
                asyncio.create_task(listen(self.database.url, self._hinted)),
                asyncio.create_task(self._read_forever()),
            ]

    async def _next(self, seen: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._version != seen or self.closing)

    async def _read_forever(self) -> None:
        while True:
            try:
                await self._read()
            except Exception as problem:
                _log.warning("board_unread", error=type(problem).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_S)
            self._wake.clear()
            await asyncio.sleep(QUIET_S)

    async def _read(self) -> None:
        async with self.database.transaction(_CONTEXT) as tx:
            body = msgspec.json.encode(await service.read(tx))
        if body == self._board_body:
            return
        self._board_body = body
        self._frame = b"event: board\ndata: " + body + b"\n\n"
        async with self._changed:
            self._version += 1
            self._changed.notify_all()

    def _hinted(self, hint: str) -> None:
        kind, _, key = hint.partition(" ")
        if kind == "board":
            self._wake.set()
        elif kind == "agent":
            with suppress(ValueError):
                event = self._agents.get(UUID(key))
                if event is not None:
                    event.set()


async def with_retry(frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Tell the browser first to come back after a second when the connection breaks."""
    yield b"retry: 1000\n\n"
    async for frame in frames:
        yield frame


def hub_of(state: State) -> Hub:
    """The process's hub, made on first use; `stop_hub` belongs to the application's shutdown."""
    if not hasattr(state, "floor_hub"):
        state.floor_hub = Hub(state.database)
    hub: Hub = state.floor_hub
    return hub


async def stop_hub(app: Litestar) -> None:
    if hasattr(app.state, "floor_hub"):
        await app.state.floor_hub.stop()
