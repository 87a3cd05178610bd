"""Import against a bare binary COPY of the same rows into one plain indexed table, in interleaved rounds.

Two ceilings copy the very rows that the import has stored (all columns of `record`) into a table with one primary key
and without row security: from Python's objects, which the driver encodes as it copies, and from a file that was
encoded beforehand, so that nothing at all is paid for but the server's COPY.
`CREWLINE_BENCH_ROWS` changes the size (default 200,000; the memory limit is meant for 1,000,000).
"""

import os
import resource
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

import asyncpg

from crewline_app.commands.imports import mapping_text
from crewline_app.history import append_history
from crewline_infra.clock import SystemClock
from crewline_reporting.generator.files import write_lines
from crewline_reporting.generator.history import HistoryOrder, lines
from crewline_reporting.imports.batches import BATCH_ROWS
from crewline_reporting.imports.jobs import import_file
from crewline_reporting.imports.mapping import load_mapping
from crewline_reporting.imports.model import ImportOrder
from crewline_reporting.imports.reader import inspect
from crewline_reporting.imports.rejects import Rejects
from tests.bench.harness import Bench, Ratio, median

ROWS = int(os.environ.get("CREWLINE_BENCH_ROWS", "200000"))
ROWS_PER_MONTH = 34_000
ROUNDS = 3
_SLICE_BYTES = 128 * 1024


@dataclass(frozen=True)
class Scene:
    order: ImportOrder
    rows: int


async def main(bench: Bench) -> list[Ratio]:
    scene = _scene(bench)
    objects, encoded, products, peak = [], [], [], 0.0
    for _ in range(1 if bench.smoke else ROUNDS):
        url = await bench.new_database()
        products.append(await _import(bench, url, scene))
        peak = max(peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        objects.append(await _copy_objects(url, scene))
        encoded.append(await _copy_encoded(url, scene, bench.home / "rows.bin"))
    return [
        _ratio(f"{scene.rows:,} contacts, ceiling copies objects", products, objects),
        _ratio(f"{scene.rows:,} contacts, ceiling copies encoded rows", products, encoded),
        Ratio("peak memory of the process, MB", peak, f"{peak:.0f} MB", "300 MB", at_most=300),
    ]


def _scene(bench: Bench) -> Scene:
    rows = bench.size(ROWS)
    path = bench.home / "history.tsv.gz"
    order = HistoryOrder(date(1999, 1, 1), months=3, seed=1, scale=rows / (3 * ROWS_PER_MONTH))
    count = write_lines(lines(order), path, lambda _: None)
    mapping = load_mapping(mapping_text("anonymous_bank"), "anonymous_bank")
    return Scene(ImportOrder(path=path, mapping=mapping, alias_key=b"bench" * 8), count)


def _ratio(what: str, products: list[float], ceilings: list[float]) -> Ratio:
    return Ratio(
        what,
        median([product / ceiling for product, ceiling in zip(products, ceilings, strict=True)]),
        f"{median(products):,.0f} rows/s",
        f"{median(ceilings):,.0f} rows/s",
        at_least=0.30,
    )


async def _copy_objects(url: str, scene: Scene) -> float:
    """Binary COPY of Python's rows: one table, one primary key, one connection, batches as large as the product's."""
    reader, writer = await asyncpg.connect(url), await asyncpg.connect(url)
    await writer.execute("create table ceiling (like record, primary key (tenant_id, contact_id, version))")
    elapsed = 0.0
    async with reader.transaction():
        cursor = await reader.cursor("select * from record")
        while batch := await cursor.fetch(BATCH_ROWS):
            rows = [tuple(row) for row in batch]
            started = perf_counter()
            await writer.copy_records_to_table("ceiling", records=rows)
            elapsed += perf_counter() - started
    await writer.execute("drop table ceiling")
    await reader.close()
    await writer.close()
    return scene.rows / elapsed


async def _copy_encoded(url: str, scene: Scene, written: Path) -> float:
    """COPY of a binary file: the same table, one connection, one transaction."""
    connection = await asyncpg.connect(url)
    with written.open("wb") as file:
        await connection.copy_from_query("select * from record", output=_writing(file), format="binary")
    await connection.execute("create table ceiling (like record, primary key (tenant_id, contact_id, version))")
    await connection.execute("checkpoint")
    started = perf_counter()
    await connection.copy_to_table("ceiling", source=_reading(written), format="binary")
    elapsed = perf_counter() - started
    same = await connection.fetchval("select count(*) from (table ceiling except table record) different")
    assert same == 0, same
    await connection.close()
    return scene.rows / elapsed


def _writing(file: BinaryIO) -> Callable[[bytes], Awaitable[None]]:
    """No thread of the driver's: a process with threads is not copied for parsing, see `imports.apart`."""

    async def write(part: bytes) -> None:
        file.write(part)

    return write


async def _reading(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(_SLICE_BYTES):
            yield part


async def _import(bench: Bench, url: str, scene: Scene) -> float:
    database = bench.open(url)
    rejects = Rejects(bench.home / "rejects.csv")
    before, idle = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    started = perf_counter()
    facts = inspect(scene.order.path, scene.order.mapping.file)
    summary = await import_file(
        database,
        SystemClock(),
        scene.order,
        facts,
        append=append_history,
        rejects=rejects,
        progress=lambda done, of: None,
    )
    elapsed = perf_counter() - started
    after, parsing = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    await database.close()
    assert summary.imported == summary.rows == scene.rows, summary
    client, parser = _cpu_us(before, after, scene.rows), _cpu_us(idle, parsing, scene.rows)
    wall = elapsed / scene.rows * 1e6
    sys.stderr.write(f"import: {wall:.1f} us a row; CPU of the client {client:.1f}, of its parser {parser:.1f}\n")
    return scene.rows / elapsed


def _cpu_us(before: resource.struct_rusage, after: resource.struct_rusage, rows: int) -> float:
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / rows * 1e6
