"""A reader of workbooks that knows nothing of the library that writes them: cells as they lie in the file."""

import io
import zipfile
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
Cell = str | float | None


@dataclass(frozen=True)
class Sheet:
    """`rows` with text as str and numbers as float; `formats` is the number format of each cell."""

    rows: list[list[Cell]]
    formats: list[list[str]]
    formulas: int

    @property
    def names(self) -> list[Cell]:
        """The column names: the first row after the empty one."""
        return self.rows[self.rows.index([]) + 1]

    @property
    def body(self) -> list[list[Cell]]:
        return self.rows[self.rows.index([]) + 2 :]

    @property
    def header(self) -> dict[Cell, Cell]:
        return {row[0]: row[1] for row in self.rows[: self.rows.index([])]}


def read_sheet(content: bytes) -> Sheet:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        sheet = Xml.fromstring(file.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - our own file
        styles = Xml.fromstring(file.read("xl/styles.xml"))  # noqa: S314 - our own file
    codes = {one.get("numFmtId"): one.get("formatCode", "") for one in styles.iter(f"{_MAIN}numFmt")}
    used = [codes.get(one.get("numFmtId"), "") for one in styles.find(f"{_MAIN}cellXfs")]  # type: ignore[union-attr]  # always there
    rows: list[list[Cell]] = []
    formats: list[list[str]] = []
    for row in sheet.iter(f"{_MAIN}row"):
        while len(rows) < int(row.get("r", "1")) - 1:
            rows.append([])
            formats.append([])
        rows.append([_value(cell) for cell in row])
        formats.append([used[int(cell.get("s", "0"))] for cell in row])
    return Sheet(rows, formats, len(list(sheet.iter(f"{_MAIN}f"))))


def _value(cell: Xml.Element) -> Cell:
    if cell.get("t") == "inlineStr":
        return "".join(text.text or "" for text in cell.iter(f"{_MAIN}t"))
    number = cell.findtext(f"{_MAIN}v")
    return None if number is None else float(number)
