"""A table with a header block, and its CSV form. Pure."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

NOT_AVAILABLE = "N/A"
BOM = "\ufeff"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
Kind = Literal["ms", "s", "percent", "amount"]
"""What a column's numbers are: a duration in ms or s, a percentage from 0 to 100, money."""


@dataclass(frozen=True, slots=True)
class Table:
    """`header` are the facts that the numbers depend on, as (name, value); None in a row is N/A.

    `kinds` by column name says how a workbook shows a column's numbers; text files print them as they are.
    """

    header: Sequence[tuple[str, str]]
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]
    kinds: Mapping[str, Kind] = field(default_factory=dict)


def csv_text(table: Table) -> Iterator[str]:
    """UTF-8 with a byte-order mark (once encoded), header block, empty line, column names, rows."""
    yield csv_head(table)
    yield from map(csv_line, table.rows)


def csv_head(table: Table) -> str:
    """Everything above the rows."""
    return "".join([BOM, *map(csv_line, table.header), csv_line([]), csv_line(table.columns)])


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
