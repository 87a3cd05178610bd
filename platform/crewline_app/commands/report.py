"""crewline report …: reports of one tenant, printed."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import rich_click as click

from crewline_app.commands.output import FORMATS, emit, emit_document, format_option
from crewline_app.wiring import open_database
from crewline_infra.canonical import instant_text
from crewline_infra.db import Database, Tx
from crewline_infra.errors import Invalid, NotFound
from crewline_infra.settings import load_settings
from crewline_infra.tenancy import Context, Role
from crewline_reporting.exports.table import NOT_AVAILABLE
from crewline_reporting.intervals import service as intervals
from crewline_reporting.metrics.catalogue import CATALOGUE
from crewline_reporting.metrics.document import markdown
from crewline_reporting.reports import rules, service, tables
from crewline_reporting.reports.model import BESIDES, COUNTS, ServiceLevelQuery, ServiceLevelReport
from crewline_tenants.tenants.model import Tenant
from crewline_tenants.tenants.service import tenant_by_slug

RARE = ("flowed_out", "callback", "menu_ended")
LEVELS_BESIDE_ALL_COUNTS = 2
HEADINGS = {
    "answered_in_time": "in time",
    "short_abandoned": "short",
    "flowed_out": "flow-out",
    "menu_ended": "menu",
    "abandonment_rate": "aband. %",
    "asa": "ASA s",
    "aht": "AHT s",
    "longest_wait": "longest s",
}
"""Of the table alone: programs get the metrics' own names."""


@click.group()
def report() -> None:
    """Service levels and what they are made of."""


tenant_option = click.option("--tenant", required=True, metavar="SLUG", help="Short name of the tenant.")


@report.command("service-level")
@tenant_option
@click.option("--from", "first", required=True, metavar="DATE", help="First local date, such as 1999-03-01.")
@click.option("--to", "last", required=True, metavar="DATE", help="Last local date, included.")
@click.option("--interval", default="day", show_default=True, metavar="30m|hour|day|month")
@click.option("--threshold", default=rules.DEFAULT_THRESHOLD_S, show_default=True, help="T in seconds (wait <= T).")
@click.option(
    "--variant",
    "variants",
    multiple=True,
    default=("V4",),
    show_default=True,
    metavar="V1..V9|V4T|V8S|all",
    help="Formula; may be repeated or separated by commas. docs/metrics.md defines them.",
)
@click.option(
    "--short-abandon",
    default=rules.DEFAULT_SHORT_ABANDON_S,
    show_default=True,
    help="s in seconds (wait < s is a short abandon).",
)
@click.option("--queue", metavar="SLUG", help="Only this queue.")
@click.option("--empty", is_flag=True, help="Also print intervals without contacts.")
@click.option("--levels-only", is_flag=True, help="Nothing but the service levels: quicker for long reports.")
@click.option("--from-records", is_flag=True, help="Count the records, not the roll-up: the numbers are the same.")
@format_option
def service_level(output_format: str, **options: Any) -> None:
    """Service level per interval of the tenant's local time.

    Both dates are included; the half-open instants that they mean are printed. Contacts count in the interval in
    which they entered the queue. A local hour that the clocks repeat is printed twice, told apart by its offset.
    N/A (null in JSON) stands where a number cannot exist.
    """
    tenant, made = asyncio.run(_service_level(options))
    if output_format == "json":
        emit_document(_document(tenant, made))
        return
    columns = tables.columns(made)
    printed = [_printable(dict(zip(columns, cells, strict=True))) for cells in tables.rows(made)]
    if output_format == "table":
        sys.stdout.writelines(f"{name}: {value}\n" for name, value in tables.header_block(tenant.name, made))
        columns = _shown_columns(made, columns, printed)
        printed = [{HEADINGS.get(name, name): value for name, value in row.items()} for row in printed]
        columns = [HEADINGS.get(name, name) for name in columns]
    emit(printed, columns, output_format)


@report.command("check")
@tenant_option
def check(tenant: str) -> None:
    """Compare the roll-up with the records; exit code 1 when they differ."""
    different = asyncio.run(_check(tenant))
    if different:
        sys.stdout.write(f"{len(different)} intervals differ, the first at {instant_text(different[0])}.\n")
        sys.exit(1)
    sys.stdout.write("Roll-up and records say the same.\n")


@report.command("rebuild")
@tenant_option
def rebuild(tenant: str) -> None:
    """Compute the roll-up of a tenant anew from its records (safe to repeat)."""
    number = asyncio.run(_rebuild(tenant))
    sys.stdout.write(f"{number} rows of the roll-up were computed anew.\n")


@report.command("metrics")
@click.option(
    "--format",
    "output_format",
    type=click.Choice((*FORMATS, "markdown")),
    default="table",
    show_default=True,
    help="How to print the data.",
)
def metrics(output_format: str) -> None:
    """Every metric with its definition, formula and worked example."""
    if output_format == "markdown":
        sys.stdout.write(markdown())
        return
    columns = ["key", "short", "title", "numerator", "denominator", "unit", "example"]
    if output_format != "table":
        columns += ["definition", "interval_rule", "used_by"]
    rows = [{name: getattr(metric, name) for name in columns} for metric in CATALOGUE.values()]
    emit(rows, columns, output_format)


COMMANDS = [report]


async def _service_level(options: dict[str, Any]) -> tuple[Tenant, ServiceLevelReport]:
    thresholds = rules.thresholds(options["threshold"], options["short_abandon"])
    variants = rules.variants(options["variants"])
    rules.report_period(options["first"], options["last"], options["interval"], "UTC")
    async with _tenant_transaction(options["tenant"], Role.OPS) as (tenant, tx):
        queue = options["queue"]
        period, kind = rules.report_period(options["first"], options["last"], options["interval"], tenant.time_zone)
        query = ServiceLevelQuery(
            period=period,
            interval=kind,
            thresholds=thresholds,
            variants=variants,
            queue_id=await _queue(tx, tenant, queue) if queue else None,
            with_empty=options["empty"],
            levels_only=options["levels_only"],
            from_records=options["from_records"],
        )
        return tenant, await service.service_level(tx, tenant.id, query)


async def _queue(tx: Tx, tenant: Tenant, text: str) -> Any:
    try:
        return await service.find_queue(tx, tenant.id, text)
    except NotFound as problem:
        raise Invalid(f"{tenant.slug} has no queue {text!r}.", field="queue") from problem


async def _check(slug: str) -> list[Any]:
    async with _tenant_transaction(slug, Role.OPS) as (tenant, tx):
        return await intervals.differences(tx, tenant.id)


async def _rebuild(slug: str) -> int:
    async with _tenant_transaction(slug, Role.WORKER, login="worker") as (tenant, tx):
        return await intervals.rebuild(tx, tenant.id)


@asynccontextmanager
async def _tenant_transaction(slug: str, role: Role, login: str = "web") -> AsyncIterator[tuple[Tenant, Tx]]:
    async with open_database(load_settings(), login, pool_size=1) as database:
        tenant = await _tenant(database, slug)
        async with database.transaction(Context(role, tenant_id=tenant.id)) as tx:
            yield tenant, tx


async def _tenant(database: Database, slug: str) -> Tenant:
    try:
        async with database.transaction(Context(Role.OPS)) as tx:
            return await tenant_by_slug(tx, slug)
    except NotFound as problem:
        raise Invalid(f"There is no tenant {slug!r}.", field="tenant") from problem


def _shown_columns(made: ServiceLevelReport, columns: list[str], printed: list[dict[str, Any]]) -> list[str]:
    """What fits a terminal: no instants, no count that is 0 throughout; beside many levels only the main counts."""
    hidden = {"starts_at", "ends_at"} | {name for name in RARE if not any(row.get(name) for row in printed)}
    if len(made.levels) > LEVELS_BESIDE_ALL_COUNTS:
        hidden |= {*COUNTS, *BESIDES} - {"offered", "answered", "abandoned", "asa"}
    return [name for name in columns if name not in hidden]


def _printable(row: dict[str, Any]) -> dict[str, Any]:
    return {name: NOT_AVAILABLE if value is None else value for name, value in row.items()}


def _document(tenant: Tenant, made: ServiceLevelReport) -> dict[str, Any]:
    query = made.query
    columns = tables.columns(made)
    rows = [dict(zip(columns, cells, strict=True)) for cells in tables.rows(made)]
    return {
        "report": "service_level",
        "tenant": tenant.slug,
        "time_zone": query.period.zone,
        "starts_at": instant_text(query.period.starts_at),
        "ends_at": instant_text(query.period.ends_at),
        "interval": query.interval,
        "threshold_s": rules.seconds_text(query.thresholds.threshold_ms),
        "short_abandon_s": rules.seconds_text(query.thresholds.short_ms),
        "definitions": {
            metric.short: {"key": metric.key, "numerator": metric.numerator, "denominator": metric.denominator}
            for metric in made.levels
        },
        "rows": rows[:-1],
        "total": rows[-1],
    }
