"""Imports into a database of the test's own."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from crewline_app.history import append_history
from crewline_infra.clock import ManualClock
from crewline_infra.db import Database
from crewline_reporting.imports import jobs
from crewline_reporting.imports.model import Append, ImportOrder, Summary
from crewline_reporting.imports.reader import inspect
from crewline_reporting.imports.rejects import Rejects

Import = Callable[..., Awaitable[Summary]]


@pytest.fixture
def run(worker_database: Database, clock: ManualClock, tmp_path: Path) -> Import:
    """Import a file; its rejects go to `rejects.csv` beside it."""

    async def imported(order: ImportOrder, *, append: Append = append_history) -> Summary:
        facts = inspect(order.path, order.mapping.file)
        with Rejects(tmp_path / "rejects.csv") as rejects:
            return await jobs.import_file(
                worker_database,
                clock,
                order,
                facts,
                append=append,
                rejects=rejects,
                progress=lambda done, of: None,
            )

    return imported


@pytest.fixture
def everything(admin: asyncpg.Connection) -> Callable[[], Awaitable[dict[str, list[tuple[object, ...]]]]]:
    """All facts of all tenants, read behind the walls, without the instants at which they were written."""

    async def read() -> dict[str, list[tuple[object, ...]]]:
        tables = {
            "record": "select contact_id, external_id, content_hash, outcome, counted_at, flags from record",
            "usage": "select contact_id, version, sign, handled, offered, talk_ms, hold_ms, wrap_ms, billed_at, "
            "queue_id, channel from usage_row",
            "rollup": "select * from queue_interval",
            "agent": "select id, alias from agent",
            "queue": "select tenant_id, id, slug from queue",
        }
        return {name: sorted(map(tuple, await admin.fetch(sql)), key=repr) for name, sql in tables.items()}

    return read
