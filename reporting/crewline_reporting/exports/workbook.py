"""A table as an Excel workbook: numbers are numbers, durations [h]:mm:ss, and text is never run as a formula."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter

from crewline_infra.errors import Invalid
from crewline_infra.i18n import gettext as _
from crewline_reporting.exports.table import NOT_AVAILABLE, Kind, Table

ROWS_MAX = 1_048_576
"""Excel's own limit, header block included."""
_DAY = {"ms": Decimal(86_400_000), "s": Decimal(86_400)}
_FORMATS: dict[Kind, str] = {"ms": "[h]:mm:ss", "s": "[h]:mm:ss", "percent": "0.00", "amount": "#,##0.00######"}
_INSTANT = "yyyy-mm-dd hh:mm:ss.000"
_WIDTH = 14
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


class Workbook:
    """Written row by row, in constant memory. Instants are shown in `zone`, which the header block names."""

    def __init__(self, path: Path, table: Table, zone: str) -> None:
        self._book = xlsxwriter.Workbook(str(path), {**_OPTIONS, "tmpdir": str(path.parent)})
        self._sheet = self._book.add_worksheet()
        self._zone = ZoneInfo(zone)
        self._row = 0
        self._formats = {kind: self._book.add_format({"num_format": text}) for kind, text in _FORMATS.items()}
        self._instant = self._book.add_format({"num_format": _INSTANT})
        self._kinds = [table.kinds.get(name) for name in table.columns]
        self._begin(table)

    def _begin(self, table: Table) -> None:
        strong = self._book.add_format({"bold": True})
        self._sheet.set_column(0, max(len(table.columns) - 1, 1), _WIDTH)
        for name, value in table.header:
            self._sheet.write_string(self._row, 0, name, strong)
            self._sheet.write_string(self._row, 1, value)
            self._row += 1
        self._row += 1
        for column, name in enumerate(table.columns):
            self._sheet.write_string(self._row, column, name, strong)
        self._row += 1
        self._sheet.freeze_panes(self._row, 0)

    def write(self, rows: Iterable[Sequence[Any]]) -> None:
        """Raises `Invalid` for more rows than a sheet has."""
        for cells in rows:
            if self._row >= ROWS_MAX:
                raise Invalid(_("This is more than a sheet of Excel holds: take CSV, or a shorter range."), field="to")
            for column, cell in enumerate(cells):
                self._cell(column, cell)
            self._row += 1

    def close(self) -> None:
        """Also after a failure: it holds temporary files open."""
        self._book.close()

    def _cell(self, column: int, cell: Any) -> None:
        if cell is None:
            self._sheet.write_string(self._row, column, NOT_AVAILABLE)
        elif isinstance(cell, datetime):
            local = cell.astimezone(self._zone).replace(tzinfo=None)
            self._sheet.write_datetime(self._row, column, local, self._instant)
        elif isinstance(cell, int | Decimal) and not isinstance(cell, bool):
            self._number(column, Decimal(cell))
        else:
            self._sheet.write_string(self._row, column, str(cell))

    def _number(self, column: int, value: Decimal) -> None:
        """A duration is a part of a day, as spreadsheets count."""
        kind = self._kinds[column]
        shown = value / _DAY[kind] if kind in _DAY else value
        self._sheet.write_number(self._row, column, float(shown), self._formats[kind] if kind else None)
