"""How commands print data: one table, one JSON document or CSV, all with the same values."""

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import rich_click as click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from crewline_infra.canonical import instant_text
from crewline_infra.money import plain

FORMATS = ("table", "json", "csv")
Command = Callable[..., Any]


def format_option(command: Command) -> Command:
    """--format table|json|csv, passed to the command as `output_format`."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(FORMATS),
        default="table",
        show_default=True,
        help="How to print the data.",
    )(command)


def emit(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[str],
    output_format: str,
    *,
    title: str | None = None,
) -> None:
    """Print rows. JSON is a list of objects with exact numbers as text; CSV has a header line."""
    if output_format == "json":
        emit_document([{name: row.get(name) for name in columns} for row in rows])
    elif output_format == "csv":
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
        sys.stdout.write(buffer.getvalue())
    else:
        _emit_table(rows, columns, title)


def emit_document(document: Any) -> None:
    """Print one JSON document: Decimals and ids as text, instants in RFC 3339."""
    sys.stdout.write(json.dumps(document, default=_json_value, ensure_ascii=False, indent=2) + "\n")


def _emit_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str | None) -> None:
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in columns:
        numeric = any(isinstance(row.get(name), int | Decimal) for row in rows)
        table.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(_cell(row.get(name))) for name in columns))
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list | dict):
        return json.dumps(value, default=_json_value, ensure_ascii=False)
    return str(_json_value(value))


def _json_value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date | UUID):
        return str(value)
    return value
