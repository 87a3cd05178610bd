"""A table with a header block, and its CSV form. Pure."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

NOT_AVAILABLE = "N/A"
BOM = "\ufeff"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Table:
    """`header` are the facts that the numbers depend on, as (name, value); None in a row is N/A."""

    header: Sequence[tuple[str, str]]
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]


def csv_text(table: Table) -> Iterator[str]:
    """UTF-8 with a byte-order mark (once encoded), header block, empty line, column names, rows."""
    yield BOM
    yield from map(csv_line, table.header)
    yield csv_line([])
    yield csv_line(table.columns)
    yield from map(csv_line, table.rows)


def csv_line(cells: Sequence[Any]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([cell_text(cell) for cell in cells])
    return buffer.getvalue()


def cell_text(cell: Any) -> str:
    """Text that a spreadsheet would run as a formula gets an apostrophe; numbers stay numbers."""
    if cell is None:
        return NOT_AVAILABLE
    if isinstance(cell, datetime):
        return cell.isoformat()
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return f"'{cell}"
    return str(cell)
