"""crewline statement …: hand out the signed account of an issued invoice, and the key to check it with."""

import asyncio
import gzip
import shutil
import sys
from pathlib import Path
from typing import Any

import rich_click as click

from crewline_app.commands.output import emit, format_option
from crewline_app.commands.scope import period_option, tenant_option, tenant_transaction
from crewline_app.wiring import ensure_installed
from crewline_billing.invoices import closing, service
from crewline_billing.invoices.model import StatementFile
from crewline_infra.errors import Invalid
from crewline_infra.periods import month_period
from crewline_infra.settings import load_settings
from crewline_infra.tenancy import Role
from crewline_reporting.statements.keys import statement_keys

COLUMNS = ("file", "line_count", "chain_head", "key_id")


@click.group()
def statement() -> None:
    """Statements: see docs/statement-format.md. Check one with `crewline verify FILE`."""


@statement.command()
@tenant_option
@period_option
@click.option(
    "--output",
    metavar="FILE",
    help="Where to write it: gzip when the name ends in .gz, else plain text. Default: a name of its own, here.",
)
@format_option
def export(tenant: str, period: str, output: str | None, output_format: str) -> None:
    """Write the statement of an issued month to a file."""
    month_period(period, "UTC")
    stated, source = asyncio.run(_find(tenant, period))
    target = Path(output or stated.file_name)
    _copy(source, target)
    row: dict[str, Any] = {name: getattr(stated, name) for name in COLUMNS[1:]}
    emit([{"file": str(target)} | row], COLUMNS, output_format)


@statement.command()
def key() -> None:
    """Print the public key that this installation signs statements with. Give it to your tenants once, in person."""
    settings = load_settings()
    ensure_installed(settings)
    sys.stdout.write(statement_keys(settings.secrets_folder).public_hex + "\n")


COMMANDS = [statement]


async def _find(slug: str, period: str) -> tuple[StatementFile, Path]:
    settings = load_settings()
    async with tenant_transaction(settings, slug, Role.FINANCE) as (tenant, tx):
        invoice = await service.invoice_of_period(tx, tenant.id, period)
        if invoice.statement is None:
            raise Invalid(f"The invoice of {period} is not issued yet: a statement is made when it is.")
        folder = closing.statements_folder(settings.home)
        return await closing.statement_file(tx, tenant.id, invoice.id, folder)


def _copy(source: Path, target: Path) -> None:
    """Write beside the target, then put it in place: a half-written file never has the good name."""
    partial = target.with_name(f".{target.name}.part")
    try:
        opened = source.open("rb") if target.suffix == ".gz" else gzip.open(source, "rb")
        with opened as content, partial.open("wb") as file:
            shutil.copyfileobj(content, file, 1 << 20)
        partial.replace(target)
    except OSError as problem:
        raise Invalid(f"{target} cannot be written: {problem.strerror}.") from problem
    finally:
        partial.unlink(missing_ok=True)
