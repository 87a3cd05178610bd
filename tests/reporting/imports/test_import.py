"""Whole imports: every row accounted for once, repeated without effect, closed to outsiders."""

import asyncio
import csv
import gzip
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from crewline_app.history import append_history
from crewline_app.subscriptions import record_batch
from crewline_infra.db import Database, Tx
from crewline_infra.errors import Invalid
from crewline_infra.tenancy import Context, Role
from crewline_reporting.imports import batches
from crewline_reporting.imports.mapping import load_mapping
from crewline_reporting.intervals import service as intervals
from crewline_reporting.records.bulk import BulkResult, Packed
from tests.builders import create_tenant
from tests.reporting.imports.conftest import Import
from tests.reporting.imports.rows import NO_QUEUE, NO_SERVICE, history, line, order
from tests.reporting.imports.test_mapping import OTHER_CENTRE

Everything = Callable[[], Awaitable[dict[str, list[tuple[object, ...]]]]]


class Killed(Exception):
    """Stands for the end of the process."""


def sample(count: int = 40) -> list[str]:
    """Calls of three tenants in all outcomes, spread over a day."""
    shapes: list[dict[str, str]] = [
        {},
        {"type": "NW", "customer_id": "0"},
        {"outcome": "HANG", **NO_SERVICE},
        {"type": "IN", "outcome": "HANG", **NO_QUEUE, **NO_SERVICE},
        {"outcome": "PHANTOM"},
    ]
    rows = []
    for number in range(count):
        hour = 8 + number % 10
        times = {
            name: f"{hour}:{rest}"
            for name, rest in (("vru_entry", "00:00"), ("vru_exit", "00:08"), ("q_start", "00:08"), ("q_exit", "00:50"),
                               ("ser_start", "00:50"), ("ser_exit", "03:00"))
        }  # fmt: skip
        rows.append(line(**{"call_id": str(1000 + number), "server": f"S{number % 7}", **times, **shapes[number % 5]}))
    return rows


def listed(tmp_path: Path) -> list[dict[str, str]]:
    path = tmp_path / "rejects.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


async def test_every_row_becomes_a_record_with_usage_and_roll_up(
    run: Import, admin: asyncpg.Connection, worker_database: Database, tmp_path: Path
) -> None:
    summary = await run(order(history(tmp_path / "march.txt", sample())))
    assert (summary.rows, summary.imported, summary.known, summary.conflicts, summary.rejected) == (40, 40, 0, 0, 0)
    assert summary.outcomes == {"answered": 16, "abandoned": 8, "menu_ended": 8, "excluded": 8}
    assert await admin.fetchval("select count(*) from record where current and version = 1") == 40
    used = await admin.fetchrow("select count(*), sum(handled), sum(offered), sum(talk_ms) from usage_row")
    assert tuple(used) == (24, 16, 24, 16 * 130_000)
    for tenant in await admin.fetch("select id, time_zone, currency from tenant"):
        assert (tenant["time_zone"], tenant["currency"]) == ("Asia/Jerusalem", "ILS")
        async with worker_database.transaction(Context(Role.WORKER, tenant["id"])) as tx:
            assert await intervals.differences(tx, tenant["id"]) == []
    offered = await admin.fetchval("select sum(offered) from queue_interval")
    assert offered == 24
    run_row = await admin.fetchrow("select rows_read, rows_imported, finished_at from import_run")
    assert (run_row["rows_read"], run_row["rows_imported"]) == (40, 40)
    assert run_row["finished_at"] is not None


async def test_agents_queues_and_pools_are_made_as_the_mapping_says(
    run: Import, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    await run(order(history(tmp_path / "march.txt", [*sample(), line(call_id="9", server="Z2S0", type="IN")])))
    aliases = [row["alias"] for row in await admin.fetch("select alias from agent")]
    assert len(aliases) == 8
    assert all(alias.startswith("Agent ") and len(alias) == 11 for alias in aliases)
    members = await admin.fetch("select p.slug, count(*) from pool p join pool_member on pool_id = p.id group by 1")
    assert dict(map(tuple, members)) == {"shared-pool": 7, "internet-pool": 1}
    queues = await admin.fetch("select t.slug, q.slug from queue q join tenant t on t.id = q.tenant_id order by 1")
    assert [tuple(row) for row in queues] == [
        ("in", "internet-help"),
        ("nw", "new-customers"),
        ("ps", "regular-banking"),
    ]


async def test_importing_again_changes_nothing(run: Import, everything: Everything, tmp_path: Path) -> None:
    path = history(tmp_path / "march.txt", sample())
    await run(order(path))
    before = await everything()
    packed = tmp_path / "march.txt.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    again = await run(order(packed))
    assert (again.rows, again.imported, again.known) == (40, 0, 40)
    assert await everything() == before


async def test_overlapping_files_add_what_is_new(run: Import, admin: asyncpg.Connection, tmp_path: Path) -> None:
    rows = sample(60)
    await run(order(history(tmp_path / "a.txt", rows[:40])))
    summary = await run(order(history(tmp_path / "b.txt", rows[20:])))
    assert (summary.imported, summary.known) == (20, 20)
    assert await admin.fetchval("select count(*) from record") == 60
    assert await admin.fetchval("select sum(offered) from queue_interval") == 36


async def test_other_content_under_a_known_id_is_kept_as_a_conflict(
    run: Import, everything: Everything, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    await run(order(history(tmp_path / "a.txt", [line(), line(call_id="2")])))
    before = await everything()
    changed = history(tmp_path / "b.txt", [line(call_id="2"), line(ser_time="131", ser_exit="9:03:01")])
    for _ in range(2):  # the second time it is the same conflict, kept once
        summary = await run(order(changed))
        assert (summary.rows, summary.known, summary.conflicts) == (2, 1, 1)
        assert await everything() == before
        assert [(row["line"], row["result"]) for row in listed(tmp_path)] == [("3", "conflict")]
    kept = await admin.fetchrow("select external_id, document, count(*) over () as n from record_conflict")
    assert (kept["external_id"], kept["n"]) == ("AA0101-500-990315-9:00:00", 1)
    assert '"talk_ms": 131000' in kept["document"]


async def test_ids_that_repeat_in_one_file_are_told_apart_by_content(
    run: Import, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    rows = [line(), line(), line(priority="0"), line(), line(call_id="2")]
    summary = await run(order(history(tmp_path / "a.txt", rows)))
    assert (summary.rows, summary.imported, summary.known, summary.conflicts) == (5, 2, 2, 1)
    assert [row["line"] for row in listed(tmp_path)] == ["4"]
    assert await admin.fetchval("select count(*) from record") == 2


async def test_what_repeats_a_stored_row_behind_a_conflicting_one_is_known(run: Import, tmp_path: Path) -> None:
    await run(order(history(tmp_path / "a.txt", [line()])))
    summary = await run(order(history(tmp_path / "b.txt", [line(priority="0"), line(), line(priority="1")])))
    assert (summary.imported, summary.known, summary.conflicts) == (0, 1, 2)


async def test_rejects_name_line_and_reason_and_the_row(run: Import, tmp_path: Path) -> None:
    rows = [line(), line(date="991399", call_id="2"), "a line of another file", line(call_id="3", outcome="LOST")]
    summary = await run(order(history(tmp_path / "a.txt", rows)))
    assert (summary.rows, summary.imported, summary.rejected) == (4, 1, 3)
    found = listed(tmp_path)
    assert [row["line"] for row in found] == ["3", "4", "5"]
    assert found[1]["reason"] == "the row has 1 fields, not 17"
    assert found[1]["row"] == "a line of another file"
    assert (tmp_path / "rejects.csv").stat().st_mode & 0o077 == 0


async def test_a_list_of_rejects_that_no_longer_holds_is_taken_away(run: Import, tmp_path: Path) -> None:
    await run(order(history(tmp_path / "a.txt", ["nonsense"])))
    assert listed(tmp_path)
    await run(order(history(tmp_path / "a.txt", [line()])))
    assert not (tmp_path / "rejects.csv").exists()


async def test_killed_in_the_middle_then_repeated(
    run: Import, everything: Everything, admin: asyncpg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third batch is torn off before its commit; the repeated run ends where an undisturbed one ends."""
    monkeypatch.setattr(batches, "BATCH_ROWS", 10)
    monkeypatch.setattr(batches, "FIRST_ROWS", 10)
    monkeypatch.setattr(batches, "_STEP", 5)
    calls = 0

    async def torn(tx: Tx, tenant_id: UUID, packed: Packed) -> BulkResult:
        nonlocal calls
        calls += 1
        mine = calls
        result = await append_history(tx, tenant_id, packed)
        if mine == 3:
            raise Killed
        return result

    path = history(tmp_path / "a.txt", sample(200))
    with pytest.raises(Killed):
        await run(order(path), append=torn)
    stored = await admin.fetchval("select count(*) from record")
    assert 0 < stored < 200
    assert await admin.fetchval("select count(*) from import_run where finished_at is not null") == 0
    summary = await run(order(path))
    assert (summary.imported, summary.known) == (200 - stored, stored)
    assert await admin.fetchval("select sum(offered) from queue_interval") == 120
    usage = "select sum(handled) from usage_row"
    assert await admin.fetchval(usage) == 80


async def test_the_bulk_path_and_the_live_path_write_the_same(
    run: Import, everything: Everything, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    path = history(tmp_path / "a.txt", sample(120))
    await run(order(path))
    bulk = await everything()
    await admin.execute("truncate record, usage_row, queue_interval")

    async def live(tx: Tx, tenant_id: UUID, packed: Packed) -> BulkResult:
        records = [packed.record_at(n) for n in range(packed.count)]
        result = await record_batch(tx, tenant_id, records, deliver=False)
        return BulkResult(len(result.added), [], [])

    assert (await run(order(path), append=live)).imported == 120
    assert await everything() == bulk


async def test_an_outsider_sees_nothing_of_the_imported_tenant(
    run: Import, admin: asyncpg.Connection, database: Database, tmp_path: Path
) -> None:
    outsider = await create_tenant(admin, "aster")
    await run(order(history(tmp_path / "a.txt", sample())))
    for role in (Role.TENANT, Role.OPS, Role.FINANCE, Role.WORKER):
        async with database.transaction(Context(role, outsider.id)) as tx:
            for table in ("record", "queue_interval", *(["usage_row"] if role is not Role.WORKER else [])):
                assert await tx.value(f"select count(*) from {table}") == 0, (role, table)


async def test_a_tenant_that_may_not_be_made_stops_the_import_before_it_begins(
    run: Import, everything: Everything, tmp_path: Path
) -> None:
    mapping = load_mapping(OTHER_CENTRE, "acd.toml")
    path = history(tmp_path / "a.csv", ["7;S;02.03.2026 09:00:00;0;2026-03-02T08:01:00Z;;;bye"], header=None)
    before = await everything()
    with pytest.raises(Invalid, match="There is no tenant 'nobody'"):
        await run(order(path, mapping=mapping, tenant="nobody"))
    assert await everything() == before


async def test_the_rejects_never_overwrite_the_input(run: Import, tmp_path: Path) -> None:
    path = history(tmp_path / "rejects.csv", sample(2))
    with pytest.raises(Invalid, match="is the file to be imported"):
        await run(order(path))
    assert path.read_text(encoding="utf-8").count("\n") == 3


async def test_two_imports_of_one_file_at_once_store_each_contact_once(
    run: Import, admin: asyncpg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BATCH_ROWS", 40)
    monkeypatch.setattr(batches, "FIRST_ROWS", 40)
    monkeypatch.setattr(batches, "_STEP", 20)
    path = history(tmp_path / "a.txt", sample(400))
    both = await asyncio.gather(run(order(path)), run(order(path)))
    assert sum(one.imported for one in both) == 400
    assert sum(one.known for one in both) == 400
    assert sum(one.conflicts for one in both) == 0
    assert await admin.fetchval("select count(*) from record") == 400
    assert await admin.fetchval("select sum(offered) from queue_interval") == 240
