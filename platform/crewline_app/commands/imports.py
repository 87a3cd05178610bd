"""crewline import contacts: the history of another system becomes records, usage and roll-ups."""

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import Any

import rich_click as click
from msgspec.structs import replace

from crewline_app.commands.output import emit, format_option
from crewline_app.history import append_history
from crewline_app.wiring import open_database
from crewline_infra.clock import SystemClock
from crewline_infra.db import Database
from crewline_infra.errors import Invalid, NotFound
from crewline_infra.secrets import secret_file
from crewline_infra.settings import Settings, load_settings
from crewline_infra.tenancy import Context, Role
from crewline_reporting.imports.jobs import check_rows, import_file
from crewline_reporting.imports.mapping import Mapping, load_mapping
from crewline_reporting.imports.model import ImportOrder, Summary
from crewline_reporting.imports.reader import FileFacts, inspect
from crewline_reporting.imports.rejects import Rejects
from crewline_tenants.tenants.service import tenant_by_slug

MAPPING_BYTES_MAX = 1024 * 1024
_COUNTS = ("file", "rows", "imported", "known", "conflicts", "rejected")
COLUMNS = (*_COUNTS, "seconds", "rows_per_second", "rejects")
OWN_SOURCE = "import"
DETAILS = ("outcomes", "tenants", "flags")
_QUIET_STEP_S = 2.0


@click.group("import")
def import_() -> None:
    """Bring in what other systems know."""


@import_.command()
@click.argument("sources", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option("--tenant", metavar="SLUG", help="All rows belong to this tenant.")
@click.option("--mapping", "mapping_name", metavar="M.toml", help="How to read the rows (docs/mapping-language.md).")
@click.option("--rejects", type=click.Path(path_type=Path), help="Where to list rows that were not imported.")
@click.option("--dry-run", is_flag=True, help="Read and check the rows, change nothing.")
@format_option
def contacts(
    *,
    sources: tuple[Path, ...],
    tenant: str | None,
    mapping_name: str | None,
    rejects: Path | None,
    dry_run: bool,
    output_format: str,
) -> None:
    """Import call-level history: plain or gzip CSV/TSV.

    Say whose it is with --tenant, and how to read it with --mapping; a mapping alone may name the tenant of each row,
    and --tenant alone reads Crewline's own layout. Repeating an import changes nothing.
    """
    settings = load_settings()
    mapping = _mapping(mapping_name, tenant)
    found = [(source, inspect(source, mapping.file)) for source in sources]
    listed = Rejects(rejects or settings.home / "imports" / f"{sources[0].name}.rejects.csv")
    for source in sources:
        listed.begin(source)
    key = secret_file(settings.secrets_folder, "alias.key")

    def order(source: Path, language: Mapping) -> ImportOrder:
        return ImportOrder(path=source, mapping=language, alias_key=key, tenant=tenant)

    with listed:
        if dry_run:
            summaries = [check_rows(order(source, mapping), facts, listed) for source, facts in found]
        else:
            summaries = asyncio.run(_import(settings, mapping, found, order, listed))
    _print(summaries, listed, output_format)


Order = Callable[[Path, Mapping], ImportOrder]


async def _import(
    settings: Settings,
    mapping: Mapping,
    found: list[tuple[Path, FileFacts]],
    order: Order,
    listed: Rejects,
) -> list[Summary]:
    async with open_database(settings, "worker", pool_size=5) as database:
        zone = await _tenant_zone(database, order(found[0][0], mapping).tenant)
        if mapping.source == OWN_SOURCE and zone is not None:
            mapping = replace(mapping, time=replace(mapping.time, zone=zone))
        summaries = []
        for source, facts in found:
            summary = await import_file(
                database,
                SystemClock(),
                order(source, mapping),
                facts,
                append=append_history,
                rejects=listed,
                progress=_progress(source.name),
            )
            summaries.append(summary)
        return summaries


async def _tenant_zone(database: Database, tenant: str | None) -> str | None:
    """Crewline's own layout reads times without an offset as local times of the tenant."""
    if tenant is None:
        return None
    async with database.transaction(Context(Role.WORKER)) as tx:
        try:
            return (await tenant_by_slug(tx, tenant)).time_zone
        except NotFound as problem:
            raise Invalid(f"There is no tenant {tenant!r}.", field="tenant") from problem


def _mapping(name: str | None, tenant: str | None) -> Mapping:
    if name is None:
        if tenant is None:
            raise Invalid("Say whose contacts these are: --tenant, or a --mapping that names the tenant of each row.")
        own = files("crewline_reporting.imports") / "default_mapping.toml"
        return load_mapping(own.read_text(encoding="utf-8"), "the default layout")
    mapping = load_mapping(mapping_text(name), name)
    if tenant is not None and mapping.tenant is not None:
        raise Invalid(f"{name} names the tenant itself; leave --tenant out.")
    if tenant is None and mapping.tenant is None:
        raise Invalid(f"{name} names no tenant; add --tenant.")
    return mapping


def mapping_text(name: str) -> str:
    """The text of a mapping file, or of one that ships with the product ('anonymous_bank')."""
    path = Path(name)
    shipped = files("crewline_app.demo.mappings") / f"{name}.toml"
    if not path.exists() and name.isidentifier() and shipped.is_file():
        return shipped.read_text(encoding="utf-8")
    try:
        if path.stat().st_size > MAPPING_BYTES_MAX:
            raise Invalid(f"{name} is too large for a mapping.")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise Invalid(f"{name} is no UTF-8 text.") from problem
    except OSError as problem:
        raise Invalid(f"{name} cannot be read: {problem.strerror}.") from problem


def _progress(name: str) -> Callable[[int, int], None]:
    """A line on stderr: rewritten at a terminal, one every few seconds elsewhere."""
    started = last = monotonic()
    terminal = sys.stderr.isatty()

    def show(done: int, of: int) -> None:
        nonlocal last
        now = monotonic()
        if not terminal and now - last < _QUIET_STEP_S:
            return
        last = now
        rate = done / max(now - started, 0.001)
        text = f"{name}: {done:,} rows, {min(100, done * 100 // max(of, 1))} %, {rate:,.0f} rows/s"
        sys.stderr.write(f"\r{text}\x1b[K" if terminal else f"{text}\n")
        sys.stderr.flush()

    return show


def _print(summaries: list[Summary], listed: Rejects, output_format: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    rows = [_row(summary, listed) for summary in summaries]
    if output_format != "table":
        emit(rows, (*COLUMNS, *DETAILS), output_format)
        return
    emit(rows, COLUMNS[:-1], output_format)
    for title in DETAILS:
        total: Counter[str] = sum((getattr(summary, title) for summary in summaries), Counter())
        if total:
            emit([{title: name, "rows": count} for name, count in total.most_common()], (title, "rows"), output_format)
    if listed.written:
        sys.stdout.write(f"{listed.written} rows were not imported: {listed.path}\n")


def _row(summary: Summary, listed: Rejects) -> dict[str, Any]:
    return {
        **{name: getattr(summary, name) for name in _COUNTS},
        "seconds": f"{summary.elapsed_ms / 1000:.2f}",
        "rows_per_second": summary.rows_per_second,
        "rejects": str(listed.path) if listed.written else None,
        **{name: dict(getattr(summary, name).most_common()) for name in DETAILS},
    }


COMMANDS = [import_]
